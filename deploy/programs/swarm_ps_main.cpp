// swarm-ps: the nodes of this host and their state.

#include <algorithm>
#include <cstdio>

#include "core/base/json_writer.hpp"
#include "deploy/programs/tool_main.hpp"

namespace starling {
namespace {

constexpr Program program{
    "swarm-ps", "Lists the nodes of this host and their state.",
    "  swarm-ps\n  swarm-ps --all --workspace=workspace\n"
    "States: running; ended CODE (--all), as in the programs' --help; dead, gone without a "
    "word\n"
    "(killed, or it could not write how it ended: see its log).\n"};

constexpr std::string_view what = "What";

constexpr Flag flags[] = {
    {"--all", "", what, "Also show ended nodes, until --rm or a new start removes them", "",
     FlagExtras{.short_name = "-a"}},
    {"--json", "", what, "As JSON"},
    {"--workspace", "DIR", what, "The nodes' --workspace; default: workspace", "",
     FlagExtras{.repeatable = true}},
};

using Row = std::vector<std::string>;

std::string duration_text(std::int64_t seconds) {
    seconds = std::max<std::int64_t>(seconds, 0);
    if (seconds < 120) {
        return std::to_string(seconds) + " s";
    }
    return seconds < 7200 ? std::to_string(seconds / 60) + " min"
                          : std::to_string(seconds / 3600) + " h";
}

Row row_of(const std::string& name, const NodeState& state, const Workspace& workspace) {
    const std::int64_t until = state.ended_unix.value_or(unix_now());
    return {name,
            std::string(to_string(state.process.role)),
            std::to_string(state.process.pid),
            state.status(),
            duration_text(until - state.started_unix),
            state.ports.empty() ? "-" : state.ports,
            workspace.log_file(name).string()};
}

std::string table_text(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            text += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
        }
        text += row.back() + "\n";
    }
    return text;
}

void write_json(JsonWriter& json, const std::string& name, const NodeState& state,
                const Workspace& workspace) {
    json.begin_object()
        .field("name", name)
        .field("role", to_string(state.process.role))
        .field("pid", state.process.pid)
        .field("state", state.status())
        .field("started_unix", state.started_unix)
        .key("ended_unix");
    state.ended_unix ? json.value(*state.ended_unix) : json.null();
    json.field("ports", state.ports).field("log", workspace.log_file(name).string()).end_object();
}

Result<int> list(const FlagValues& values) {
    std::vector<std::string> workspaces;
    for (const FlagValues::Value& value : values.all("--workspace")) {
        workspaces.push_back(value.text);
    }
    if (workspaces.empty()) {
        workspaces.emplace_back("workspace");
    }
    std::vector<Row> rows = {{"NAME", "ROLE", "PID", "STATE", "FOR", "PORTS", "LOG"}};
    JsonWriter json;
    json.begin_array();
    for (const std::string& root : workspaces) {
        const Workspace workspace(root);
        for (const auto& [name, state] : read_states(workspace.run_dir())) {
            if (values.has("--all") || !state.ended_unix) {
                rows.push_back(row_of(name, state, workspace));
                write_json(json, name, state, workspace);
            }
        }
    }
    json.end_array();
    const std::string text = values.has("--json") ? json.take() + "\n" : table_text(rows);
    std::fputs(text.c_str(), stdout);
    return exit_code::ok;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return tool_main(argc, argv, program, flags, list);
}
