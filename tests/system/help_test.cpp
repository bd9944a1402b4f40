// The command line's user interface: --help of every command, and completion in bash.
#include <regex>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Help : public SystemSwarm, public testing::WithParamInterface<const char*> {
protected:
    static std::vector<std::string> lines_of(const std::string& text) {
        std::vector<std::string> lines;
        std::size_t from = 0;
        while (from < text.size()) {
            const std::size_t to = std::min(text.find('\n', from), text.size());
            lines.push_back(text.substr(from, to - from));
            from = to + 1;
        }
        return lines;
    }
    static std::string output_of(const std::vector<std::string>& command) {
        Program program(command);
        EXPECT_EQ(program.wait_exit(), 0) << program.output();
        return program.output();
    }
    /// What bash offers after `words`.
    static std::string offered(const std::string& program, const std::string& words) {
        return output_of(
            {"/bin/bash", "-c",
             "set -u; source " STARLING_SOURCE "/deploy/completion/starling.bash; COMP_WORDS=(" +
                 bin(program) + " " + words +
                 "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _starling " + bin(program) +
                 " \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; "
                 "printf '%s\\n' \"${COMPREPLY[@]-}\""});
    }
};

TEST_P(Help, NamesEveryFlagWithItsDefault) {
    const std::string help = output_of({bin(GetParam()), "--help"});
    EXPECT_TRUE(holds(help, "Example")) << help;
    const std::regex flag(R"(^ +(?:-\w, ?)?(--[a-z0-9-]+)(?: ([A-Z]+))?(.*)$)");
    int count = 0;
    for (const std::string& line : lines_of(help.substr(0, help.find("\nExample")))) {
        std::smatch found;
        if (!std::regex_match(line, found, flag) || holds(line, "No effect:") ||
            holds(line, "Not possible:") || holds(line, "Passed to the engine")) {
            continue;
        }
        ++count;
        const std::string kind = found[2];
        if (kind == "PORT" || kind == "SECONDS" || kind == "N" || kind == "LINES" ||
            kind == "LEVEL") {
            EXPECT_TRUE(holds(line, "default: ") || holds(line, "The same as")) << line;
        }
        if (kind == "SECONDS") {
            EXPECT_TRUE(holds(line, " s;") || holds(line, " s ")) << line;
        }
    }
    EXPECT_GE(count, 2) << help;
    // bash offers exactly the flags of the help.
    const std::string all = offered(GetParam(), "--");
    for (const std::string& one : lines_of(all)) {
        EXPECT_TRUE(holds(help, one)) << one;
    }
    EXPECT_GE(static_cast<int>(lines_of(all).size()), count) << all;
}
INSTANTIATE_TEST_SUITE_P(Commands, Help,
                         testing::Values("run-sn", "run-sl", "run-apls", "gen-cert", "stop-swarm",
                                         "swarm-ps", "swarm-logs", "swarm-wait", "swarm-audit",
                                         "swarm-board", "swarm-runs", "swci"),
                         [](const auto& command) {
                             std::string name = command.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST_F(Help, CompletionKnowsTheValuesOfAFlag) {
    EXPECT_EQ(offered("run-sl", "--ml-na"), "--ml-name\n");
    EXPECT_EQ(offered("run-sl", "--log-level w"), "warning\n");
    EXPECT_EQ(offered("run-sl", "--log-level = d"), "debug\n");
    EXPECT_EQ(offered("run-sn", "--key " + path("ca/")), path("ca/ca.pem") + "\n");
    EXPECT_EQ(offered("run-sn", "--sn-api-port 3"), "\n");  // a number: nothing to offer
    EXPECT_EQ(offered("swci", "list no"), "nodes\n");
}

}  // namespace
}  // namespace starling::test
