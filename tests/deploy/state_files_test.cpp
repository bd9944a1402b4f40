#include "deploy/storage/state_files.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_directory.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

KeptState state_of(Round round, std::size_t bytes = 100) {
    KeptState state{"default", 3, round, {}, {{2, 17}, {}}};
    state.layout.bytes[5] = std::byte{9};
    Bytes content(bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
        content[i] = static_cast<std::byte>(i * 7 + round);
    }
    state.program.state = Blob(std::move(content));
    return state;
}

class StateFilesTest : public testing::Test {
protected:
    StateFiles::Opened open() const {
        auto opened = StateFiles::open(folder.path(), openssl_hasher());
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }
    fs::path file(int slot) const {
        return folder.path() / ("program-" + std::to_string(slot) + ".state");
    }
    /// Checks that the file is refused with an error that names it, whatever the other slot
    /// contains.
    void expect_damaged(const std::string& content, const std::string& what) const {
        write_text(file(0), content);
        const StateFiles::Opened opened = open();
        EXPECT_FALSE(opened.states[0]) << what;
        ASSERT_EQ(opened.notes.size(), 1U) << what;
        EXPECT_EQ(opened.notes[0],
                  "program state " + file(0).string() + " is damaged and not used");
    }

    TemporaryDirectory folder;
};

TEST_F(StateFilesTest, ReturnsTheStoredState) {
    ASSERT_TRUE(open().files->keep_state(1, state_of(5)));
    const StateFiles::Opened opened = open();
    EXPECT_TRUE(opened.notes.empty());
    EXPECT_FALSE(opened.states[0]);
    ASSERT_TRUE(opened.states[1]);
    const KeptState& state = *opened.states[1];
    const KeptState kept = state_of(5);
    EXPECT_EQ(state.contract, kept.contract);
    EXPECT_EQ(state.run, kept.run);
    EXPECT_EQ(state.round, kept.round);
    EXPECT_EQ(state.layout, kept.layout);
    EXPECT_EQ(state.program.position, kept.program.position);
    EXPECT_TRUE(std::ranges::equal(state.program.state.view(), kept.program.state.view()));
}

TEST_F(StateFilesTest, StoresAnEmptyState) {
    ASSERT_TRUE(open().files->keep_state(0, state_of(5, 0)));
    ASSERT_TRUE(open().states[0]);
}

TEST_F(StateFilesTest, OneSlotIsReplacedAndTheOtherKept) {
    const auto files = open().files;
    for (const Round round : {1U, 2U, 3U}) {
        ASSERT_TRUE(files->keep_state(round % 2, state_of(round)));
    }
    const StateFiles::Opened opened = open();
    EXPECT_EQ(opened.states[0]->round, 2U);
    EXPECT_EQ(opened.states[1]->round, 3U);
}

TEST_F(StateFilesTest, RemovesBothSlots) {
    const auto files = open().files;
    ASSERT_TRUE(files->remove_states());
    ASSERT_TRUE(files->keep_state(0, state_of(1)));
    ASSERT_TRUE(files->keep_state(1, state_of(2)));
    ASSERT_TRUE(files->remove_states());
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST_F(StateFilesTest, AreReadableByTheirOwnerOnly) {
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(open().files->keep_state(0, state_of(1)));
        struct stat status {};
        ASSERT_EQ(::stat(file(0).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
        ASSERT_EQ(::chmod(file(0).c_str(), 0644), 0);  // as after it was copied
    }
}

TEST_F(StateFilesTest, AFileThatCantBeReadIsReported) {
    fs::create_directory(file(0));
    const StateFiles::Opened opened = open();
    ASSERT_EQ(opened.notes.size(), 1U);
    EXPECT_EQ(opened.notes[0], "program state " + file(0).string() + " can't be read");
}

TEST_F(StateFilesTest, RefusesAFileTruncatedAnywhere) {
    ASSERT_TRUE(open().files->keep_state(0, state_of(1)));
    const std::string whole = read_text(file(0));
    for (std::size_t length = 1; length < whole.size(); ++length) {
        expect_damaged(whole.substr(0, length), "cut to " + std::to_string(length));
    }
    expect_damaged(whole + "x", "one byte longer");
}

TEST_F(StateFilesTest, RefusesAFileWithAnyFlippedBit) {
    ASSERT_TRUE(open().files->keep_state(0, state_of(1)));
    const std::string whole = read_text(file(0));
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string turned = whole;
        turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << (bit % 8)));
        expect_damaged(turned, "bit " + std::to_string(bit));
    }
}

TEST_F(StateFilesTest, ADamagedSlotDoesNotAffectTheOther) {
    const auto files = open().files;
    ASSERT_TRUE(files->keep_state(0, state_of(1)));
    ASSERT_TRUE(files->keep_state(1, state_of(2)));
    expect_damaged("STRLSTAT", "a start");
    EXPECT_EQ(open().states[1]->round, 2U);
}

TEST_F(StateFilesTest, IsWrittenInPlaceByEachNextState) {
    const auto files = open().files;
    ASSERT_TRUE(files->keep_state(0, state_of(1)));
    const auto inode = [&] {
        struct stat status {};
        EXPECT_EQ(::stat(file(0).c_str(), &status), 0);
        return status.st_ino;
    };
    const ino_t first = inode();
    for (const std::size_t bytes : {100U, 5000U, 40U, 0U}) {
        ASSERT_TRUE(files->keep_state(0, state_of(2, bytes)));
        const StateFiles::Opened opened = open();
        ASSERT_TRUE(opened.states[0]) << bytes;
        EXPECT_EQ(opened.states[0]->program.state.size(), bytes);
        EXPECT_EQ(inode(), first) << bytes;
    }
}

// What a kill or a power cut leaves of a slot that was being written.
TEST_F(StateFilesTest, AnIncompleteSlotIsNoneAndNotReported) {
    ASSERT_TRUE(open().files->keep_state(0, state_of(1)));
    const std::string rest = read_text(file(0)).substr(8);
    for (const std::string& start : {std::string("STRLDRFT"), std::string(8, '\0')}) {
        write_text(file(0), start + rest);
        const StateFiles::Opened opened = open();
        EXPECT_FALSE(opened.states[0]);
        EXPECT_TRUE(opened.notes.empty());
    }
    write_text(file(0), "");
    EXPECT_TRUE(open().notes.empty());
    ASSERT_TRUE(open().files->keep_state(0, state_of(2)));
    EXPECT_EQ(open().states[0]->round, 2U);
}

TEST_F(StateFilesTest, RemovesTemporaryFilesOfAKilledProgram) {
    write_text(file(0).string() + ".part-12345", "half");
    write_text(folder.path() / "notes.txt", "the user's own");
    open();
    EXPECT_FALSE(fs::exists(file(0).string() + ".part-12345"));
    EXPECT_TRUE(fs::exists(folder.path() / "notes.txt"));
}

TEST_F(StateFilesTest, AFullDiskIsReportedAndLosesTheSlotOnly) {
    const auto files = open().files;
    ASSERT_TRUE(files->keep_state(0, state_of(1)));
    ASSERT_TRUE(files->keep_state(1, state_of(2)));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{5000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Result<void> kept = files->keep_state(0, state_of(3, 100'000));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old_handler);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Errc::io);
    EXPECT_EQ(kept.error().message, file(0).string() +
                                        " can't be written: File too large. It needs 100 kB. "
                                        "Raise the limit of this user's files (ulimit -f)");
    const StateFiles::Opened opened = open();
    EXPECT_FALSE(opened.states[0]);
    EXPECT_EQ(opened.states[1]->round, 2U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_F(StateFilesTest, AnUnwritableDirectoryIsNamed) {
    const auto files = open().files;
    ASSERT_TRUE(files->keep_state(0, state_of(1)));
    // root may write everywhere, the user `nobody` may not.
    const bool root = ::geteuid() == 0;
    ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
    if (root) {
        ASSERT_EQ(::seteuid(65534), 0);
    }
    const Result<void> kept = files->keep_state(0, state_of(2));
    const Result<void> forgotten = files->remove_states();
    if (root) {
        ASSERT_EQ(::seteuid(0), 0);
    }
    ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().message, file(0).string() + " can't be written: Permission denied");
    ASSERT_FALSE(forgotten);
    EXPECT_EQ(forgotten.error().message, file(0).string() + " can't be removed: Permission denied");
    EXPECT_EQ(open().states[0]->round, 1U);
}

/// A child that stores one state after another until it is killed.
[[noreturn]] void keep_for_ever(StateFiles& files, int ready) {
    for (Round round = 1;; ++round) {
        if (!files.keep_state(round % 2, state_of(round, 300'000 + round % 3 * 5000))) {
            ::_exit(1);
        }
        [[maybe_unused]] const ssize_t told = ::write(ready, "x", 1);
    }
}

TEST_F(StateFilesTest, AKillAtAnyMomentLeavesTheOtherSlot) {
    for (int kill_after = 1; kill_after <= 20; ++kill_after) {
        const auto files = open().files;
        int ends[2] = {};
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            keep_for_ever(*files, ends[1]);
        }
        ::close(ends[1]);
        char told = 0;
        for (int i = 0; i < kill_after; ++i) {
            ASSERT_EQ(::read(ends[0], &told, 1), 1);
        }
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        ASSERT_EQ(::waitpid(child, nullptr, 0), child);
        ::close(ends[0]);
        const StateFiles::Opened opened = open();
        EXPECT_TRUE(opened.notes.empty());
        const auto round = [&](int slot) {
            return opened.states[static_cast<std::size_t>(slot)]
                       ? opened.states[static_cast<std::size_t>(slot)]->round
                       : 0;
        };
        EXPECT_GE(std::max(round(0), round(1)), static_cast<Round>(kill_after));
        const Round older = std::min(round(0), round(1));  // 0: killed while it was replaced
        EXPECT_TRUE(older == 0 || older + 1 == std::max(round(0), round(1)));
        ASSERT_TRUE(files->remove_states());
    }
}

}  // namespace
}  // namespace starling
