// A program that ends by itself is reported with its exit code and reason, however early it ends.
#include <fstream>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class ExitCodes : public SystemSwarm {
protected:
    /// Starts a pair many times whose program ends at once.
    void expect_each_time(const std::string& entrypoint, const std::string& ml_cmd, int code,
                          const std::string& reason) const {
        const std::unique_ptr<Program> sn = start_sn();
        for (int start = 0; start < starts; ++start) {
            std::vector<std::string> command = sl_command(2, identity("sl2"), ml_cmd);
            std::erase(command, "--ml-entrypoint=" + bin("toy-ml"));
            command.push_back("--ml-entrypoint=" + entrypoint);
            Program sl(command);
            EXPECT_EQ(sl.wait_exit(), code) << "start " << start << ": " << sl.output();
            EXPECT_TRUE(holds(sl.output(), reason)) << "start " << start << ": " << sl.output();
        }
    }
    /// \param text  shell script that is the ML program
    std::string script(const std::string& text) const {
        std::ofstream(path("program")) << "#!/bin/sh\n" << text;
        std::filesystem::permissions(path("program"), std::filesystem::perms::owner_all);
        return path("program");
    }

    /// More when run by hand: STARLING_STARTS=200.
    const int starts =
        std::getenv("STARLING_STARTS") != nullptr ? std::atoi(std::getenv("STARLING_STARTS")) : 10;
};

TEST_F(ExitCodes, OfAProgramThatFailsBeforeItJoins) {
    expect_each_time(bin("toy-ml"), "--no-such-flag", 2,
                     "its ML node 'ml2' ended: toy-ml: unknown flag '--no-such-flag'");
}

TEST_F(ExitCodes, OfAProgramWhoseCallbackRejectsItsOptions) {
    expect_each_time(bin("toy-ml"), "--sync 0", 2,
                     "its ML node 'ml2' ended: SwarmCallback: sync_frequency is 0");
}

TEST_F(ExitCodes, OfAProgramThatNeverConnects) {
    expect_each_time(script("exit 7"), "", 7, "ML program ml2 ended with exit code 7");
}

TEST_F(ExitCodes, OfAProgramThatExitsWithoutLeavingAfterItJoined) {
    expect_each_time(bin("toy-ml"), "--exit-with 9", 9, "ML program ml2 ended with exit code 9");
}

}  // namespace
}  // namespace starling::test
