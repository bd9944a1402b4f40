// Memory that real processes take for a model.
#include <fstream>

#include <sys/stat.h>

#include "tests/support/sanitizers.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Memory : public SystemSwarm {};

/// The largest resident set that the process has had, in bytes; 0 if it has ended.
std::uint64_t peak_bytes(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    const std::string name = "VmHWM:";
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name)) {
            return std::stoull(line.substr(name.size())) * 1024;
        }
    }
    return 0;
}

/// Of the program's pool, which the SL maps and only reads: these bytes are the program's.
std::uint64_t bytes_of_the_program(pid_t pid) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/smaps");
    const std::string name = "Rss:";
    bool reads_pool = false;
    for (std::string line; std::getline(maps, line);) {
        if (line.find(" r--s ") != std::string::npos) {
            reads_pool = line.find("memfd:starling-pool") != std::string::npos;
        } else if (reads_pool && line.starts_with(name)) {
            return std::stoull(line.substr(name.size())) * 1024;
        }
    }
    return 0;
}

/// It has the program's parameters, the merged model and half a model of others' contributions. A
/// model more would be the committed one, which is on the disk.
TEST_F(Memory, AnSlHasLessThanThreeModels) {
    if (with_sanitizers) {
        GTEST_SKIP() << "sanitizers keep freed memory";
    }
    constexpr std::uint64_t model_bytes = 40'000'000;
    const std::string flags = "--elements 10000000 --batches 4 --sync 1";
    ASSERT_EQ(::mkfifo(path("save").c_str(), 0600), 0);
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, flags + " --save-at " + path("save"));
    const auto sl2 = start_sl(2, flags);
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    Program log({bin("swarm-logs"), "ml1", "-f", "--workspace=" + path("host-1")});
    ASSERT_TRUE(log.wait_for("Final Swarm model was loaded")) << log.output();
    const std::uint64_t shared = bytes_of_the_program(sl1->pid());
    EXPECT_GE(shared, model_bytes) << "the program's parameters are in a pool";
    const std::uint64_t peak = peak_bytes(sl1->pid()) - shared;
    EXPECT_GT(peak, 2 * model_bytes);
    EXPECT_LT(peak, 3 * model_bytes + 16'000'000);
    write_text(path("save"), "");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
}

}  // namespace
}  // namespace starling::test
