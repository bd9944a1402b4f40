// The log of a node's program is limited too.
#include <fstream>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class LogLimits : public SystemSwarm {
protected:
    /// swarm-logs -f follows as long as the state file names a process, which is written right
    /// after the program was started.
    bool is_followed(const std::string& name) const {
        const auto deadline = std::chrono::steady_clock::now() + Seconds(60);
        while (std::chrono::steady_clock::now() < deadline) {
            Program ps({bin("swarm-ps"), "--workspace=" + path("host-2")});
            ps.wait_exit();
            if (ps.output().find(name) != std::string::npos) {
                return true;
            }
        }
        return false;
    }
};

TEST_F(LogLimits, TheProgramsLogIsRotatedAndFollowersReadAllOfIt) {
    // Two parts, before and after the log is full, and an end that the follower waits for.
    std::ofstream(path("program"))
        << "#!/bin/sh\nwhile [ ! -e go ]; do :; done\n"
           "seq -f 'line %09.0f ..................................' 1 16000\n"
           "while [ ! -e host-2/log/ml2.log.1 ]; do :; done\n"
           "seq -f 'line %09.0f ..................................' 16001 20000\necho the end\n"
           "exec tail -f /dev/null\n";
    std::filesystem::permissions(path("program"), std::filesystem::perms::owner_all);
    std::vector<std::string> command = sl_command(2, identity("sl2"), "");
    std::erase(command, "--ml-entrypoint=" + bin("toy-ml"));
    command.push_back("--ml-entrypoint=" + path("program"));
    command.push_back("--log-max-size=1");
    // 16000 lines are less than 1 MB: the existing part already fills the file.
    std::filesystem::create_directories(path("host-2/log"));
    write_text(path("host-2/log/ml2.log"), std::string(400'000, '\n'));
    Program sl(command);
    ASSERT_TRUE(sl.wait_for("starting ML program")) << sl.output();
    ASSERT_TRUE(is_followed("ml2")) << sl.output();
    Program follower({bin("swarm-logs"), "-f", "ml2", "--workspace=" + path("host-2")});
    ASSERT_TRUE(follower.wait_for("\n"));
    write_text(path("go"), "");
    ASSERT_TRUE(follower.wait_for("the end\n")) << follower.output().size();
    EXPECT_GT(std::filesystem::file_size(path("host-2/log/ml2.log.1")), 1'000'000U);
    EXPECT_LT(std::filesystem::file_size(path("host-2/log/ml2.log")), 1'000'000U);
    std::size_t at = 0;
    for (int i = 1; i <= 20000; ++i) {
        char line[32];
        std::snprintf(line, sizeof line, "line %09d ", i);
        at = follower.output().find(line, at);
        ASSERT_NE(at, std::string::npos) << line;
    }
    sl.signal(SIGTERM);
    sl.wait_exit();
}

}  // namespace
}  // namespace starling::test
