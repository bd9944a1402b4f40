// Scenario files and the trace events that they must lead to: see README.md.
#include "tests/scenarios/scenario.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace starling::test {
namespace {

const std::filesystem::path cases = STARLING_SOURCE "/tests/scenarios/cases";

std::vector<std::string> names_of_cases() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(cases)) {
        if (entry.path().extension() == ".txt") {
            names.push_back(entry.path().stem().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Scenarios : public ::testing::TestWithParam<std::string> {};

/// STARLING_WRITE=1 writes the file.
TEST_P(Scenarios, LeadsToTheExpectedEvents) {
    const std::filesystem::path path = cases / (GetParam() + ".txt");
    std::ostringstream expected;
    expected << std::ifstream(path).rdbuf();
    const Result<std::string> replayed = Scenario::replay(expected.str());
    ASSERT_TRUE(replayed) << path << ": " << replayed.error().message;
    if (std::getenv("STARLING_WRITE") != nullptr) {
        std::ofstream(path) << *replayed;
        return;
    }
    EXPECT_EQ(*replayed, expected.str())
        << "If the change of behaviour is intended: STARLING_WRITE=1 writes " << path;
}

INSTANTIATE_TEST_SUITE_P(Files, Scenarios, ::testing::ValuesIn(names_of_cases()),
                         [](const auto& test) { return test.param; });

TEST(ScenarioFile, AnErrorNamesItsLine) {
    const auto error_of = [](const std::string& text) {
        const Result<std::string> replayed = Scenario::replay(text);
        return replayed ? "" : replayed.error().message;
    };
    EXPECT_EQ(error_of("# a comment\n\nrun to end\n----\n"),
              "line 3: the first command must be 'swarm'");
    EXPECT_EQ(error_of("swarm pairs=2 speed=7\n----\n"), "line 1: unknown setting 'speed'");
    EXPECT_EQ(error_of("swarm pairs=two\n----\n"), "line 1: 'pairs=two' is no number");
    EXPECT_EQ(error_of("swarm\nrun to end\n"), "line 2: '----' must follow each command");
    EXPECT_EQ(error_of("swarm\n----\n\nshow round_comitted\n----\n"),
              "line 4: unknown event 'round_comitted'");
    EXPECT_EQ(error_of("swarm\n----\n\ncrash sl7\n----\n"), "line 4: unknown process 'sl7'");
}

}  // namespace
}  // namespace starling::test
