// swarm-wait: waits until nodes of this host have ended, and returns their exit code.

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "deploy/host/wait_for_end.hpp"
#include "deploy/programs/tool_main.hpp"

namespace starling {
namespace {

/// As in timeout(1).
constexpr int timeout_code = 124;
constexpr std::int64_t timeout_seconds_max = 31'536'000;  // a year

constexpr Program program{
    "swarm-wait", "Waits until nodes or ML programs of this host have ended.",
    "  swarm-wait sl1                     until the pair of SL and ML has ended\n"
    "  swarm-wait sl1 sl2 --timeout 3600\n"
    "Exit code: the largest one of theirs: 0 success, 1 failed or killed, 2 usage, 3 refused, 4 "
    "aborted,\n"
    "5 its SL, ML or SN was lost, or the ML program's own; 124 at the --timeout.\n",
    "NAME ..."};

constexpr std::string_view how = "How";

constexpr Flag flags[] = {
    {"--timeout", "SECONDS", how, "Time limit, 0 to 31536000 s; default: none"},
    {"--workspace", "DIR", how, "The nodes' --workspace; default: workspace"},
};

Result<int> wait(const FlagValues& values) {
    const std::vector<std::string>& names = values.operands();
    if (names.empty()) {
        return Error{Errc::usage, "the NAME of a node is missing. See swarm-wait --help"};
    }
    std::optional<std::chrono::steady_clock::time_point> deadline;
    if (values.has("--timeout")) {
        const std::string text = values.text("--timeout");
        std::int64_t seconds = 0;
        const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (code != std::errc{} || rest != text.data() + text.size() || seconds < 0 ||
            seconds > timeout_seconds_max) {
            return Error{Errc::usage, "--timeout '" + text +
                                          "' is not a number of seconds from 0 to " +
                                          std::to_string(timeout_seconds_max)};
        }
        deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    }
    const Workspace workspace(values.text("--workspace", "workspace"));
    std::vector<EndWatch> watches;  // all opened first: --rm may remove the files of one meanwhile
    for (const std::string& name : names) {
        Result<EndWatch> watch = EndWatch::open(workspace, name);
        if (!watch) {
            return watch.error();
        }
        watches.push_back(std::move(*watch));
    }
    int worst = exit_code::ok;
    for (EndWatch& watch : watches) {
        const WaitEnd end = watch.wait(deadline);
        std::printf("%s\n", end.text.c_str());
        std::fflush(stdout);
        worst = std::max(worst, end.exit_code.value_or(timeout_code));
    }
    return worst;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return tool_main(argc, argv, program, flags, wait);
}
