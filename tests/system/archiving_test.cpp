// An SN that moves old ledger entries into archive files while a training runs, from an operator's
// point of view.
#include <array>
#include <csignal>
#include <filesystem>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

/// Waits until the file is in its directory, which may be made meanwhile, for 30 s at most.
bool appears(const std::filesystem::path& file) {
    const std::filesystem::path directory = file.parent_path();
    const int events = ::inotify_init1(IN_CLOEXEC);
    bool changed = events >= 0;
    while (changed && !std::filesystem::exists(file)) {
        ::inotify_add_watch(events, directory.parent_path().c_str(), IN_CREATE);
        ::inotify_add_watch(events, directory.c_str(), IN_MOVED_TO);
        if (std::filesystem::exists(file)) {
            break;  // it came before it was watched
        }
        pollfd ready{events, POLLIN, 0};
        std::array<char, 4096> read_over{};
        changed =
            ::poll(&ready, 1, 30'000) > 0 && ::read(events, read_over.data(), read_over.size()) > 0;
    }
    ::close(events);
    return changed;
}

class Archiving : public SystemSwarm {
protected:
    std::unique_ptr<Program> start_archiving_sn() const {
        return std::make_unique<Program>(
            with({bin("run-sn"), "--host-ip=127.0.1.1", "--sn-api-port=" + std::to_string(sn_port),
                  "--sn-snapshot-interval=100", "--sn-archive-entries=100",
                  "--workspace=" + path("host-1"), "--sentinel"},
                 identity("sn1")));
    }
    std::vector<std::string> audit_command() const {
        return {bin("swarm-audit"), path("host-1/data/sn1/ledger.sqlite"),
                "--capath=" + path("ca")};
    }
};

TEST_F(Archiving, OldEntriesAreInFilesThatAnAuditReadsWhereverTheyAre) {
    auto sn = start_archiving_sn();
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER on port")) << sn->output();
    {
        const auto first = start_sl(1, "--elements 2000 --batches 100000000");
        const auto second = start_sl(2, "--elements 2000 --batches 100000000");
        ASSERT_TRUE(first->wait_for("Round 150: merged")) << first->output();
    }
    // The SN archives when it has nothing else to do, at the latest now that the SLs have ended. It
    // makes the second file when its ledger knows the first one.
    const std::filesystem::path archive = path("host-1/data/sn1/ledger.archive");
    const std::filesystem::path file = archive / "0000000001-0000000100";
    ASSERT_TRUE(appears(archive / "0000000101-0000000200")) << sn->output();
    sn->signal(SIGKILL);
    sn->wait_exit();
    const std::filesystem::path moved = path("other storage");
    std::filesystem::create_directories(moved);
    std::filesystem::rename(file, moved / file.filename());

    sn = start_archiving_sn();
    ASSERT_TRUE(sn->wait_for("archive files of the ledger are not there")) << sn->output();
    ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER on port")) << sn->output();
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    Program without(audit_command());
    EXPECT_EQ(without.wait_exit(), 1) << without.output();
    EXPECT_TRUE(holds(without.output(), "is missing: entries 1 to 100")) << without.output();
    Program whole(with(audit_command(), {"--archive=" + moved.string()}));
    EXPECT_EQ(whole.wait_exit(), 0) << whole.output();
}

}  // namespace
}  // namespace starling::test
