// stop-swarm: stops the nodes of a workspace on this host.

#include <charconv>
#include <cstdio>

#include "deploy/host/stop_swarm.hpp"
#include "deploy/programs/tool_main.hpp"

namespace starling {
namespace {

constexpr Program program{
    "stop-swarm", "Stops the nodes of this host with SIGTERM, and with SIGKILL at the time limit.",
    "  stop-swarm --workspace=workspace\n"};

constexpr std::string_view which = "Which nodes (all if none is named)";
constexpr std::string_view how = "How";

constexpr Flag flags[] = {
    {"--all", "", which, "SLs, then SNs, then licence servers"},
    {"--sn", "", which, "Swarm Network nodes"},
    {"--sl", "", which, "Swarm Learning nodes and their ML programs"},
    {"--apls", "", which, "Licence servers"},
    {"--swci", "", which, "", "", no_effect("swci is a command, not a running process")},
    {"--swop", "", which, "", "", no_effect("there is no SWOP here")},
    {"--keep", "", how, "", "",
     no_effect("nothing is removed anyway; see run-sn --rm and run-sl --rm")},
    {"--sudo", "", how, "", "", no_effect("no container engine is used")},
    {"--workspace", "DIR", how, "The nodes' --workspace; default: workspace"},
    {"--timeout", "SECONDS", how, "Time limit for a clean stop, 0 to 3600 s; default: 15"},
};

std::set<Role> roles_of(const FlagValues& values) {
    std::set<Role> roles;
    if (values.has("--sn")) {
        roles.insert(Role::sn);
    }
    if (values.has("--sl")) {
        roles.insert(Role::sl);
    }
    if (values.has("--apls")) {
        roles.insert(Role::apls);
    }
    if (roles.empty() || values.has("--all")) {
        return {Role::sl, Role::sn, Role::apls};
    }
    return roles;
}

Result<int> stop(const FlagValues& values) {
    const std::string timeout = values.text("--timeout", "15");
    int seconds = 0;
    const auto [rest, code] =
        std::from_chars(timeout.data(), timeout.data() + timeout.size(), seconds);
    if (code != std::errc{} || rest != timeout.data() + timeout.size() || seconds < 0 ||
        seconds > 3600) {
        return Error{Errc::usage,
                     "--timeout is not a number of seconds from 0 to 3600. See stop-swarm --help"};
    }
    const StopReport report = stop_swarm(values.text("--workspace", "workspace"), roles_of(values),
                                         std::chrono::seconds(seconds));
    for (const std::string& line : report.lines) {
        std::printf("%s\n", line.c_str());
    }
    return report.all_ended ? exit_code::ok : exit_code::failed;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return tool_main(argc, argv, program, flags, stop);
}
