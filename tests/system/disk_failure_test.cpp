// Real nodes on disks that are full, read-only, not permitted or damaged: each ends with code 1 and
// names the file; once the disk is repaired, the same node continues with everything that was
// committed.
#include <csignal>
#include <filesystem>

#include <unistd.h>

#include "core/base/coding.hpp"
#include "deploy/storage/ledger_head.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/system/system_swarm.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

class DiskFailure : public SystemSwarm {
protected:
    fs::path data(int host, const std::string& node) const {
        return path("host-" + std::to_string(host) + "/data/" + node);
    }
    fs::path ledger() const { return data(1, "sn1") / "ledger.sqlite"; }
    fs::path ledger_head() const { return data(1, "sn1") / "ledger.head"; }
    LedgerHead head() const {
        const auto read = HeadFile::read(ledger_head(), openssl_hasher());
        EXPECT_TRUE(read.has_value() && *read) << "no ledger head";
        return read && *read ? **read : LedgerHead{};
    }
    /// Runs an SN that creates a ledger, and stops it.
    void make_ledger() const {
        const auto sn = start_sn();
        sn->signal(SIGTERM);
        EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    }
    /// Expects code 1 and a message with all these parts.
    void expect_refused(const std::vector<std::string>& command,
                        const std::vector<std::string>& parts) const {
        Program program(command);
        EXPECT_EQ(program.wait_exit(), 1) << program.output();
        for (const std::string& part : parts) {
            EXPECT_TRUE(holds(program.output(), part)) << part << " is not in " << program.output();
        }
    }
    /// Expects that the SN starts, and has this history.
    void expect_recovered(const LedgerHead& expected) const {
        const auto sn = start_sn();
        EXPECT_TRUE(holds(sn->output(), "Recovered " + std::to_string(expected.index) +
                                            " ledger entries, head " + short_text(expected.link)))
            << sn->output();
        sn->signal(SIGTERM);
        EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    }
    /// An SL that registers, which is one commit.
    std::unique_ptr<Program> start_writer() const {
        return std::make_unique<Program>(sl_command(2, identity("sl2"), ""));
    }
    static std::vector<std::string> limited(const std::string& limit,
                                            const std::vector<std::string>& command) {
        std::vector<std::string> all = {"/bin/sh", "-c", "ulimit -f " + limit + "; exec \"$@\"",
                                        "sh"};
        all.insert(all.end(), command.begin(), command.end());
        return all;
    }
    /// Runs the command as a user whom file modes restrict: `nobody` if this is root, who then gets
    /// the files.
    std::vector<std::string> held_back(const std::vector<std::string>& command) const {
        if (::geteuid() != 0) {
            return command;
        }
        for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
            EXPECT_EQ(::lchown(entry.path().c_str(), 65534, 65534), 0);
        }
        EXPECT_EQ(::lchown(folder.path().c_str(), 65534, 65534), 0);
        std::vector<std::string> all = {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534",
                                        "--clear-groups"};
        all.insert(all.end(), command.begin(), command.end());
        return all;
    }
    /// Whether that user can execute the programs.
    bool can_be_held_back() const {
        Program tried(held_back({bin("run-sn"), "--help"}));
        return tried.wait_exit() == 0;
    }
};

TEST_F(DiskFailure, AFullDiskEndsAnSnAtACommit) {
    const SmallDisk disk(data(1, "sn1"), "2m");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    LedgerHead before;
    {
        const auto sn = start_sn();
        disk.fill();
        before = head();
        const auto writer = start_writer();
        EXPECT_EQ(sn->wait_exit(), 1) << sn->output();
        EXPECT_TRUE(holds(sn->output(), ledger().string() + ": the disk is full")) << sn->output();
    }
    EXPECT_EQ(head(), before) << "an entry was acknowledged that is not durable";
    disk.empty();
    expect_recovered(before);
}

TEST_F(DiskFailure, AFullDiskRefusesANewLedger) {
    const SmallDisk disk(data(1, "sn1"), "1m");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    disk.fill();
    expect_refused(sn_command(identity("sn1")), {ledger().string(), "full"});
    disk.empty();
    make_ledger();
}

TEST_F(DiskFailure, AReadOnlyDiskIsNamedAtStart) {
    const SmallDisk disk(data(1, "sn1"), "2m");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    make_ledger();
    const LedgerHead before = head();
    ASSERT_TRUE(disk.set_read_only(true));
    expect_refused(sn_command(identity("sn1")),
                   {ledger().string() + " can't be opened for writing: Read-only file system"});
    ASSERT_TRUE(disk.set_read_only(false));
    expect_recovered(before);
}

TEST_F(DiskFailure, AFileSizeLimitEndsAnSnAtACommit) {
    make_ledger();
    const LedgerHead before = head();
    // 8 KiB: the head fits, but the WAL exceeds it within two commits.
    Program sn(limited("16", sn_command(identity("sn1"))));
    sn.wait_for("Starting SWARM-API-SERVER");
    const auto writer = start_writer();
    EXPECT_EQ(sn.wait_exit(), 1) << sn.output();
    EXPECT_TRUE(holds(sn.output(), ledger().string())) << sn.output();
    EXPECT_TRUE(holds(sn.output(), "File too large")) << sn.output();
    EXPECT_GE(head().index, before.index);
    expect_recovered(head());
}

TEST_F(DiskFailure, AnUnwritableFileIsNamed) {
    make_ledger();
    const LedgerHead before = head();
    if (!can_be_held_back()) {
        GTEST_SKIP() << "root, and nobody may not run the programs in " << STARLING_BIN;
    }
    const std::vector<std::string> command = held_back(sn_command(identity("sn1")));
    for (const fs::path& file : {ledger(), ledger_head()}) {
        fs::permissions(file, fs::perms::owner_read);
        expect_refused(command,
                       {file.string() + " can't be opened for writing: Permission denied"});
        fs::permissions(file, fs::perms::none);
        expect_refused(command, {file.string(), "Permission denied"});
        fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    }
    fs::permissions(data(1, "sn1"), fs::perms::owner_read | fs::perms::owner_exec);
    expect_refused(command, {ledger().string(), "check the permissions of file and directory"});
    fs::permissions(data(1, "sn1"), fs::perms::owner_all);
    expect_recovered(before);
}

TEST_F(DiskFailure, DamagedAndMissingFilesAreRefusedUntilTheyAreRestored) {
    make_ledger();
    const LedgerHead before = head();
    const fs::path kept = folder.path() / "kept";
    fs::copy(data(1, "sn1"), kept);
    const auto restore = [&] {
        fs::remove_all(data(1, "sn1"));
        fs::copy(kept, data(1, "sn1"));
    };
    const std::vector<std::string> command = sn_command(identity("sn1"));

    fs::resize_file(ledger(), fs::file_size(ledger()) / 2);
    expect_refused(command, {ledger().string()});
    restore();
    fs::remove(ledger());
    expect_refused(command, {ledger().string() + " is empty", "lost", "--sentinel-ip"});
    restore();
    fs::remove(ledger_head());
    expect_refused(command, {ledger_head().string() + " is missing"});
    restore();
    fs::resize_file(ledger_head(), 50);
    expect_refused(command, {ledger_head().string() + " is damaged"});
    restore();
    Writer vote;
    vote.u64(before.vote.self);
    vote.u64(before.vote.term);
    vote.u64(before.vote.candidate);
    std::string content = read_text(ledger());
    const std::size_t at = content.find(
        std::string(reinterpret_cast<const char*>(vote.bytes().data()), vote.bytes().size()));
    ASSERT_NE(at, std::string::npos);
    content[at + 8] ^= 4;
    write_text(ledger(), content);
    expect_refused(command, {ledger().string(), "term and vote are damaged"});
    restore();
    expect_recovered(before);
}

TEST_F(DiskFailure, AFullDiskEndsAnSlThatStoresAModel) {
    const SmallDisk disk(data(2, "sl2"), "64k");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    const auto sn = start_sn();
    const auto first = start_sl(1, "--elements 100000");
    {
        const auto second = start_sl(2, "--elements 100000");
        EXPECT_EQ(second->wait_exit(), 1) << second->output();
        EXPECT_TRUE(holds(second->output(), (data(2, "sl2") / "merged-").string()))
            << second->output();
        EXPECT_TRUE(holds(second->output(), "No space left on device")) << second->output();
    }
}

TEST_F(DiskFailure, AFullDiskOfAProgramEndsNoOtherMembersTraining) {
    const SmallDisk disk(data(2, "sl2") / "program", "4m");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    const std::string flags = "--elements 100000 --batches 1000000 --until " + path("enough");
    const auto sn = start_sn();
    const auto first = start_sl(1, flags);
    {
        const auto second = start_sl(2, flags);
        ASSERT_TRUE(second->wait_for("Round 1: merged")) << second->output();
        disk.fill();
        EXPECT_EQ(second->wait_exit(), 1) << second->output();
        for (const std::string& part :
             {(data(2, "sl2") / "program/program-").string(),
              std::string("No space left on device. It needs 400 kB. Free space on this disk, "
                          "which has 0 B left"),
              std::string(
                  "When restarted with the same command, this node resumes the same run")}) {
            EXPECT_TRUE(holds(second->output(), part)) << part << " not in " << second->output();
        }
    }
    // The other member waits for it, in the same run.
    first->drain();
    const std::size_t then = first->output().size();
    ASSERT_TRUE(first->wait_for("Waiting for checkin completion criteria", Seconds(60), then / 2))
        << first->output();
    disk.empty();
    const auto again = start_sl(2, flags);
    ASSERT_TRUE(again->wait_for(": merged 2 members")) << again->output();
    EXPECT_TRUE(holds(ml_log(2), "Resuming where an earlier start stopped")) << ml_log(2);
    write_text(path("enough"), "");
    EXPECT_EQ(again->wait_exit(), 0) << again->output();
    EXPECT_EQ(first->wait_exit(), 0) << first->output();
    EXPECT_FALSE(holds(first->output(), "the swarm has ended")) << first->output();
}

TEST_F(DiskFailure, AFullWorkspaceIsReportedAsACrashAndRecoverable) {
    const SmallDisk disk(path("host-2"), "6m");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    const std::string flags = "--elements 100000 --batches 1000000 --until " + path("enough");
    const auto states = [&] {
        Program ps({bin("swarm-ps"), "-a", "--workspace=" + path("host-2")});
        EXPECT_EQ(ps.wait_exit(), 0);
        return ps.output();
    };
    const auto sn = start_sn();
    const auto first = start_sl(1, flags);
    {
        const auto second = start_sl(2, flags);
        ASSERT_TRUE(second->wait_for("Round 1: merged")) << second->output();
        disk.fill();
        EXPECT_EQ(second->wait_exit(), 1) << second->output();
        EXPECT_TRUE(holds(second->output(), "No space left on device")) << second->output();
    }
    EXPECT_TRUE(holds(states(), "ended 1")) << states();
    EXPECT_FALSE(holds(states(), "running")) << states();
    EXPECT_FALSE(holds(states(), "dead")) << states();
    // The recorded end of an earlier start does not hide one that can't be written.
    {
        const auto second = start_sl(2, flags);
        EXPECT_EQ(second->wait_exit(), 1) << second->output();
        EXPECT_TRUE(holds(second->output(), "No space left on device")) << second->output();
    }
    disk.empty();
    const auto again = start_sl(2, flags);
    ASSERT_TRUE(again->wait_for(": merged 2 members")) << again->output();
    write_text(path("enough"), "");
    EXPECT_EQ(again->wait_exit(), 0) << again->output();
    EXPECT_EQ(first->wait_exit(), 0) << first->output();
}

TEST_F(DiskFailure, AnUnreadableModelFileIsNamed) {
    make_ledger();
    if (!can_be_held_back()) {
        GTEST_SKIP() << "root, and nobody may not run the programs in " << STARLING_BIN;
    }
    fs::create_directories(data(2, "sl2"));
    const fs::path file = data(2, "sl2") / "merged-0.model";
    write_text(file, "STRLKEPT");
    fs::permissions(file, fs::perms::none);
    Program sl(held_back(sl_command(2, identity("sl2"), "")));
    EXPECT_TRUE(sl.wait_for(file.string() + " can't be read (Permission denied) and not used"))
        << sl.output();
}

}  // namespace
}  // namespace starling::test
