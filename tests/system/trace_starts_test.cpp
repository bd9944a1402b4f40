// Traces of nodes that were killed and restarted, and of nodes that still run.
#include <csignal>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class TraceStarts : public SystemSwarm {
protected:
    std::string check() const {
        std::vector<std::string> command = {bin("swarm-check")};
        for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
            if (file.path().extension() == ".trace") {
                command.push_back(file.path().string());
            }
        }
        Program program(command);
        EXPECT_EQ(program.wait_exit(), 0) << program.output();
        return program.output();
    }
    static int rounds_in(const std::string& text) {
        const std::size_t end = text.find(" rounds,");
        const std::size_t begin = text.rfind(' ', end - 1);
        return end == std::string::npos ? -1 : std::stoi(text.substr(begin + 1));
    }
};

TEST_F(TraceStarts, AllRoundsAreSeenAcrossRestartsOfAKilledSn) {
    if (!std::filesystem::exists(bin("swarm-check"))) {
        GTEST_SKIP() << "swarm-check is not built: STARLING_BENCH is off";
    }
    auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 1000000 --until " + path("stop"));
    const auto sl2 = start_sl(2, "--batches 1000000 --until " + path("stop"));
    ASSERT_TRUE(sl1->wait_for("Round 3: merged 2 members")) << sl1->output();
    sn->signal(SIGKILL);
    sn->wait_exit();
    sn = start_sn();
    ASSERT_TRUE(sn->wait_for("Round ")) << sn->output();
    write_text(path("stop"), "");
    ASSERT_EQ(sl1->wait_exit(), 0) << sl1->output();
    ASSERT_EQ(sl2->wait_exit(), 0) << sl2->output();
    // While the SN runs: no false violation.
    check();
    sn->signal(SIGTERM);
    ASSERT_EQ(sn->wait_exit(), 0) << sn->output();
    const std::string text = check();
    EXPECT_TRUE(holds(text, " 0 violations")) << text;
    // Both starts are visible: the kill lost less than a second of the trace.
    EXPECT_GE(rounds_in(text), 4) << text;
    Program record({bin("swarm-runs"), "add", "--runs=" + path("runs"),
                    path("host-1/trace/sn1.trace"), path("host-1/trace/sl1.trace"),
                    path("host-2/trace/sl2.trace"), path("host-1/trace/ml1.trace")});
    EXPECT_EQ(record.wait_exit(), 0) << record.output();
    Program shown({bin("swarm-runs"), "show", "latest", "--runs=" + path("runs")});
    EXPECT_EQ(shown.wait_exit(), 0) << shown.output();
    for (const char* part : {"kind                  recorded", "end                   complete",
                             "\nsl1     weight/first   ", "\nsl2     weight/first   "}) {
        EXPECT_TRUE(holds(shown.output(), part)) << part << shown.output();
    }
    const std::string trace = read_text(path("host-1/trace/sn1.trace"));
    EXPECT_NE(trace.find("# starling-trace", 1), std::string::npos);
}

}  // namespace
}  // namespace starling::test
