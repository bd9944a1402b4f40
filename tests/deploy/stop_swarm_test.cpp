#include "deploy/host/stop_swarm.hpp"

#include <gtest/gtest.h>

#include "deploy/host/pid_file.hpp"
#include "deploy/host/workspace.hpp"
#include "deploy/process/signal_thread.hpp"
#include "tests/deploy/child_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class StopSwarmTest : public testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(workspace.run_dir()); }

    /// A child with a pid file that runs until a signal ends it; with `stubborn` it ignores
    /// SIGTERM.
    ChildProcess node(const std::string& name, Role role, bool stubborn = false) {
        return ChildProcess([&, name, role, stubborn](auto ready) {
            const auto claimed = PidFile::claim(workspace.pid_file(name), role);
            if (stubborn) {
                std::signal(SIGTERM, SIG_IGN);
            }
            ready();
            for (;;) {
                ::pause();
            }
        });
    }
    StopReport stop(std::set<Role> roles, milliseconds limit = seconds(10)) {
        return stop_swarm(directory.path(), roles, limit);
    }

    TemporaryDirectory directory;
    Workspace workspace{directory.path()};
};

TEST_F(StopSwarmTest, EndsAllNodesSlFirstAndRemovesTheirFiles) {
    ChildProcess sn = node("sn1", Role::sn);
    ChildProcess sl = node("sl1", Role::sl);
    const StopReport report = stop({Role::sl, Role::sn});
    EXPECT_TRUE(report.all_ended);
    EXPECT_EQ(report.lines, (std::vector<std::string>{
                                "stopped sl sl1 (process " + std::to_string(sl.pid()) + ")",
                                "stopped sn sn1 (process " + std::to_string(sn.pid()) + ")"}));
    EXPECT_EQ(WTERMSIG(sl.wait()), SIGTERM);
    EXPECT_EQ(WTERMSIG(sn.wait()), SIGTERM);
    EXPECT_FALSE(std::filesystem::exists(workspace.pid_file("sl1")));
    EXPECT_FALSE(std::filesystem::exists(workspace.pid_file("sn1")));
}

TEST_F(StopSwarmTest, DoesNotTouchOtherRoles) {
    ChildProcess sn = node("sn1", Role::sn);
    ChildProcess sl = node("sl1", Role::sl);
    EXPECT_TRUE(stop({Role::sl}).all_ended);
    EXPECT_EQ(WTERMSIG(sl.wait()), SIGTERM);
    EXPECT_EQ(::waitpid(sn.pid(), nullptr, WNOHANG), 0) << "the SN still runs";
    EXPECT_TRUE(std::filesystem::exists(workspace.pid_file("sn1")));
}

TEST_F(StopSwarmTest, KillsAndReportsNodesThatDoNotStop) {
    ChildProcess sl = node("sl1", Role::sl, true);
    const StopReport report = stop({Role::sl}, milliseconds(200));
    EXPECT_TRUE(report.all_ended);
    ASSERT_EQ(report.lines.size(), 1U);
    EXPECT_TRUE(report.lines[0].starts_with("warning: killed sl sl1")) << report.lines[0];
    EXPECT_EQ(WTERMSIG(sl.wait()), SIGKILL);
}

TEST_F(StopSwarmTest, NeverSignalsAnotherProcessWithAReusedPid) {
    ChildProcess stranger([](auto ready) {
        ready();
        ::pause();
    });
    write_text(workspace.pid_file("sl1"), std::to_string(stranger.pid()) + "\nsl\n1\n");
    const StopReport report = stop({Role::sl});
    ASSERT_EQ(report.lines.size(), 2U);
    EXPECT_TRUE(report.lines[0].starts_with("removed ")) << report.lines[0];
    EXPECT_TRUE(report.lines[1].starts_with("nothing to stop")) << report.lines[1];
    EXPECT_EQ(::waitpid(stranger.pid(), nullptr, WNOHANG), 0);
    EXPECT_FALSE(std::filesystem::exists(workspace.pid_file("sl1")));
}

TEST_F(StopSwarmTest, ReportsIfNothingRuns) {
    const StopReport report =
        stop_swarm(directory.path() / "none", {Role::sl, Role::sn}, seconds(1));
    EXPECT_TRUE(report.all_ended);
    ASSERT_EQ(report.lines.size(), 1U);
    EXPECT_TRUE(report.lines[0].starts_with("nothing to stop: no node runs in "));
}

/// In a child process, since signal handling is process-wide.
TEST(SignalThreadTest, TheFirstSignalStopsAndTheSecondKills) {
    ChildProcess child([](auto ready) {
        block_signals();
        const SignalThread signals([&](const std::string& name) {
            ::kill(::getpid(), name == "SIGTERM" ? SIGINT : SIGKILL);
        });
        ready();
        for (;;) {
            ::pause();
        }
    });
    ::kill(child.pid(), SIGTERM);
    const int status = child.wait();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
}

TEST(SignalThreadTest, EndsWithoutASignal) {
    ChildProcess child([](auto ready) {
        block_signals();
        {
            const SignalThread signals([](const std::string&) {});
        }
        ready();
        _exit(7);
    });
    EXPECT_EQ(WEXITSTATUS(child.wait()), 7);
}

}  // namespace
}  // namespace starling
