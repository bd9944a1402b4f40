// examples/cifar10/two-hosts, interrupted while its swarm trains: nothing is left behind.
#include <csignal>
#include <filesystem>

#include <unistd.h>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Interrupted : public SystemSwarm, public testing::WithParamInterface<std::vector<int>> {
protected:
    static std::string output_of(const std::string& command) {
        Program shell({"/bin/sh", "-c", command});
        EXPECT_EQ(shell.wait_exit(), 0) << command << ": " << shell.output();
        return shell.output();
    }
    std::vector<std::string> example(const std::string& arguments) const {
        return {"/bin/bash",   STARLING_SOURCE "/examples/cifar10/two-hosts",
                "--bin",       bin(""),
                "--workspace", path("hosts"),
                "--arguments", arguments};
    }
};

TEST_P(Interrupted, NothingIsLeftBehind) {
    Program run(example("--threads 1 --drawn-train 4000 --epochs 1000"));
    // Both wait for the end of a training that would take hours.
    const bool trains = run.wait_for("host-1 $ swarm-wait sl1", Seconds(120));
    if (holds(run.output(), "network namespaces")) {
        GTEST_SKIP() << run.output();
    }
    ASSERT_TRUE(trains) << run.output();
    const std::string hosts = "starling-" + std::to_string(run.pid()) + "-";
    EXPECT_FALSE(output_of("ip netns pids " + hosts + "1").empty());
    EXPECT_FALSE(output_of("ip netns pids " + hosts + "2").empty());
    for (const int number : GetParam()) {
        run.signal(number);
    }
    EXPECT_EQ(run.wait_exit(Seconds(30)), 130) << run.output();
    EXPECT_TRUE(holds(run.output(), "interrupted; everything is stopped and removed"))
        << run.output();
    EXPECT_FALSE(holds(output_of("ip netns list"), hosts));
    EXPECT_FALSE(holds(read_text("/proc/mounts"), path("hosts")));
    EXPECT_EQ(output_of("pgrep -af '[/]" + path("hosts").substr(1) + "' || true"), "");
}
INSTANTIATE_TEST_SUITE_P(By, Interrupted,
                         testing::Values(std::vector{SIGINT}, std::vector{SIGTERM},
                                         std::vector{SIGHUP},
                                         std::vector{SIGTERM, SIGINT, SIGTERM}));

TEST_F(Interrupted, WithoutRootTheRemedyIsNamed) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "needs root to switch the user";
    }
    // Readable for the other user, wherever this clone is.
    std::filesystem::copy_file(STARLING_SOURCE "/examples/cifar10/two-hosts", path("two-hosts"));
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
    Program run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 "/bin/bash", path("two-hosts"), "--bin", bin(""), "--workspace", "/nowhere"});
    EXPECT_EQ(run.wait_exit(), 77) << run.output();
    EXPECT_TRUE(holds(run.output(),
                      "network namespaces need root: run it with sudo, or use "
                      "examples/cifar10/run, which needs none"))
        << run.output();
}

}  // namespace
}  // namespace starling::test
