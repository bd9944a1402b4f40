#include "deploy/wait_for_end.hpp"

#include <algorithm>
#include <fstream>

#include <poll.h>

#include "core/node/node.hpp"
#include "deploy/node_state.hpp"
#include "deploy/process.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds note_limit{2};

/// \return  whether the process has ended by `deadline`.
bool wait_for(const Descriptor& process, std::optional<Clock::time_point> deadline) {
    for (;;) {
        int limit = -1;
        if (deadline) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
            constexpr std::chrono::milliseconds hour = std::chrono::hours(1);
            limit = static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), hour).count());
        }
        pollfd waited{process.number(), POLLIN, 0};
        if (::poll(&waited, 1, limit) > 0) {
            return true;
        }
        if (deadline && Clock::now() >= *deadline) {
            return false;
        }
    }
}

WaitEnd end_of(const std::string& name, const NodeState& state) {
    const std::string after =
        " after " + std::to_string(*state.ended_unix - state.started_unix) + " s";
    return {name + " ended with exit code " + std::to_string(state.exit_code) + after,
            state.exit_code};
}

}  // namespace

std::string known_names(const Workspace& workspace) {
    std::string names;
    for (const auto& [name, state] : read_states(workspace.run_dir())) {
        names += (names.empty() ? "" : ", ") + name;
    }
    return names.empty() ? "no node has run here" : "there are " + names;
}

Result<WaitEnd> wait_for_end(const Workspace& workspace, const std::string& name,
                             std::optional<Clock::time_point> deadline) {
    // Opened now: it can be read to its end even if --rm removes it.
    std::ifstream file(workspace.state_file(name));
    std::optional<NodeState> state = read_state(file);
    if (!parse_node_id(name) || !state) {
        return Error{Errc::usage, "nothing called '" + name + "' was started in " +
                                      workspace.root().string() + ": " + known_names(workspace)};
    }
    // The descriptor first, then the look at its start time: from then on the pid is safe.
    const Descriptor process = open_process(state->process.pid);
    if (!state->ended_unix && process && state->process.running()) {
        if (!wait_for(process, deadline)) {
            return WaitEnd{name + " still runs: --timeout is over", std::nullopt};
        }
    }
    const auto read_again = [&] {
        file.clear();
        file.seekg(0);
        return read_state(file);
    };
    const Clock::time_point last_look = Clock::now() + note_limit;
    do {
        state = read_again();
        if (state && state->ended_unix) {
            return end_of(name, *state);
        }
        // A node writes its end before it ends; of a program run-sl does so a moment later.
    } while (state && state->process.role == Role::ml && Clock::now() < last_look &&
             ::poll(nullptr, 0, 20) == 0);
    return WaitEnd{name +
                       " is gone without a word: it was killed, or could not write how it ended; "
                       "see " +
                       workspace.log_file(name).string(),
                   exit_code::failed};
}

}  // namespace starling
