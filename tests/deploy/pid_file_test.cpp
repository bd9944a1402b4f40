#include "deploy/host/pid_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "deploy/process/process.hpp"
#include "tests/deploy/child_process.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/process/child_process.hpp"

namespace starling {
namespace {

class PidFileTest : public testing::Test {
protected:
    void write(pid_t pid, std::uint64_t ticks) {
        write_text(file, std::to_string(pid) + "\nsl\n" + std::to_string(ticks) + "\n");
    }

    TemporaryDirectory directory;
    std::filesystem::path file = directory.path() / "sl1.pid";
};

TEST_F(PidFileTest, ContainsPidRoleAndStartAndIsRemovedAtTheEnd) {
    {
        const auto claimed = PidFile::claim(file, Role::sn);
        ASSERT_TRUE(claimed.has_value()) << claimed.error().message;
        const auto record = read_pid_file(file);
        ASSERT_TRUE(record.has_value());
        EXPECT_EQ(record->pid, ::getpid());
        EXPECT_EQ(record->role, Role::sn);
        EXPECT_EQ(record->start_ticks, process_start_ticks(::getpid()));
        EXPECT_TRUE(record->running());
        struct stat status {};
        ASSERT_EQ(::stat(file.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
    }
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(PidFileTest, ASecondStartUnderTheSameNameIsRefused) {
    ChildProcess other([&](auto ready) {
        const auto claimed = PidFile::claim(file, Role::sl);
        ready();
        ::pause();
    });
    const auto second = PidFile::claim(file, Role::sl);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, Errc::io);
    EXPECT_NE(second.error().message.find("node sl1 already runs as process " +
                                          std::to_string(other.pid())),
              std::string::npos)
        << second.error().message;
    EXPECT_TRUE(std::filesystem::exists(file))
        << "the refused start must not change the other's file";
}

TEST_F(PidFileTest, TheFileOfAKilledProcessIsReplaced) {
    ChildProcess other([&](auto ready) {
        const auto claimed = PidFile::claim(file, Role::sl);
        ready();
        ::pause();
    });
    ::kill(other.pid(), SIGKILL);
    other.wait();
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_TRUE(PidFile::claim(file, Role::sl).has_value());
}

TEST_F(PidFileTest, AReusedPidIsNotTakenForTheNode) {
    const ChildProcess stranger([](auto ready) {
        ready();
        ::pause();
    });
    const auto ticks = process_start_ticks(stranger.pid());
    ASSERT_TRUE(ticks.has_value());
    write(stranger.pid(), *ticks);
    EXPECT_FALSE(PidFile::claim(file, Role::sl).has_value());
    write(stranger.pid(), *ticks - 1);
    EXPECT_TRUE(PidFile::claim(file, Role::sl).has_value());
}

TEST_F(PidFileTest, AnInvalidPidFileCountsAsMissing) {
    for (const std::string text :
         {"", "abc", "1\nking\n5\n", "-4\nsl\n5\n", "1\nsl\n", "99999999999999999999\nsl\n5\n"}) {
        write_text(file, text);
        EXPECT_FALSE(read_pid_file(file).has_value()) << text;
    }
    EXPECT_TRUE(PidFile::claim(file, Role::sl).has_value());
}

TEST(Process, AZombieDoesNotCountAsRunning) {
    ChildProcess child([](auto ready) { ready(); });
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(process_start_ticks(child.pid()).has_value());
    EXPECT_FALSE(process_start_ticks(0).has_value());
}

TEST(Process, ExitStatusesAreDescribedInWords) {
    EXPECT_EQ((ExitStatus{2, 0}.text()), "ended with exit code 2");
    EXPECT_EQ((ExitStatus{0, 9}.text()), "ended by signal 9 (Killed)");
    EXPECT_EQ((ExitStatus{0, 9}.exit_code()), 137);
}

}  // namespace
}  // namespace starling
