// swarm-logs: prints the log of a node of this host.

#include <charconv>
#include <csignal>
#include <cstdio>

#include "deploy/host/follow_log.hpp"
#include "deploy/host/wait_for_end.hpp"
#include "deploy/programs/tool_main.hpp"

namespace starling {
namespace {

constexpr Program program{"swarm-logs",
                          "Prints the log of a node of this host, or of its ML program.",
                          "  swarm-logs sn1\n  swarm-logs -f ml1\n"
                          "  grep -m 1 'Round 3' <(swarm-logs -f sl1)     waits for that line; see "
                          "swarm-wait for the end\n",
                          "NAME"};

constexpr std::string_view what = "What";

constexpr Flag flags[] = {
    {"--follow", "", what, "Begin at the newest start, and follow the log until the node has ended",
     "", FlagExtras{.short_name = "-f"}},
    {"--since-start", "", what, "Begin at the newest start of the node: the default with --follow"},
    {"--whole", "", what, "All starts in the log: the default without --follow"},
    {"--tail", "LINES", what, "Begin with the last lines only; default: all", "",
     FlagExtras{.short_name = "-n"}},
    {"--workspace", "DIR", what, "The node's --workspace; default: workspace"},
};

Result<int> print(const FlagValues& values) {
    const std::vector<std::string>& words = values.operands();
    if (words.size() != 1) {
        return Error{Errc::usage, "exactly one NAME of a node is required. See swarm-logs --help"};
    }
    const std::string& name = words.front();
    const Workspace workspace(values.text("--workspace", "workspace"));
    const std::filesystem::path file = workspace.log_file(name);
    std::error_code ignored;
    if (!parse_node_id(name) || !std::filesystem::exists(file, ignored)) {
        return Error{Errc::usage, "no log of '" + name + "' in " + workspace.root().string() +
                                      ": " + known_names(workspace)};
    }
    if (values.has("--since-start") && values.has("--whole")) {
        return Error{Errc::usage, "--since-start and --whole exclude each other"};
    }
    FollowOptions options;
    options.since_start =
        values.has("--since-start") || (values.has("--follow") && !values.has("--whole"));
    if (values.has("--tail")) {
        const std::string text = values.text("--tail");
        std::uint64_t lines = 0;
        const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), lines);
        if (code != std::errc{} || rest != text.data() + text.size()) {
            return Error{Errc::usage, "--tail '" + text + "' is not a number of lines"};
        }
        options.last_lines = lines;
    }
    if (values.has("--follow")) {
        if (const std::optional<NodeState> state = read_state(workspace.state_file(name));
            state && !state->ended_unix) {
            options.writer = state->process;
        }
    }
    const Result<void> done = follow_log(file, options, [](std::string_view text) {
        return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
               std::fflush(stdout) == 0;
    });
    if (!done) {
        return done.error();
    }
    return exit_code::ok;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return tool_main(argc, argv, program, flags, print);
}
