// Waits for a process that is not a child. Its descriptor (pidfd) becomes readable when it ends;
// its exit code, which the kernel gives to the parent only, is read from the node's state file.
#include "deploy/host/wait_for_end.hpp"

#include <algorithm>

#include <poll.h>

#include "core/node/node.hpp"
#include "transport/process/child_process.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

/// How long run-sl may take to record the end of its ML program.
constexpr std::chrono::seconds record_limit{2};

/// \return  whether the process ended before `deadline`.
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

Result<EndWatch> EndWatch::open(const Workspace& workspace, const std::string& name) {
    EndWatch watch;
    watch.name_ = name;
    watch.log_file_ = workspace.log_file(name).string();
    watch.file_.open(workspace.state_file(name));
    if (!parse_node_id(name) || !watch.reread_state()) {
        return Error{Errc::usage, "no node or program called '" + name + "' was started in " +
                                      workspace.root().string() + ": " + known_names(workspace)};
    }
    // The descriptor first, then the check of the start time: if it matches, the descriptor denotes
    // the process of the record.
    Descriptor process = open_process(watch.state_.process.pid);
    if (process && watch.state_.process.running()) {
        watch.process_ = std::move(process);
    }
    return watch;
}

/// \return  whether it is a state file.
bool EndWatch::reread_state() {
    file_.clear();
    file_.seekg(0);
    std::optional<NodeState> state = read_state(file_);
    if (state) {
        state_ = std::move(*state);
    }
    return state.has_value();
}

WaitEnd EndWatch::wait(std::optional<Clock::time_point> deadline) {
    if (process_ && !wait_for(process_, deadline)) {
        return {name_ + " still runs at the --timeout", std::nullopt};
    }
    const Clock::time_point last_read = Clock::now() + record_limit;
    do {
        reread_state();
        if (state_.ended_unix) {
            return end_of(name_, state_);
        }
        // A node records its end itself; for an ML program, run-sl does so a moment later.
    } while (state_.process.role == Role::ml && Clock::now() < last_read &&
             ::poll(nullptr, 0, 20) == 0);
    return {
        name_ +
            " ended without recording an exit status: it was killed, or could not write it; see " +
            log_file_,
        exit_code::failed};
}

}  // namespace starling
