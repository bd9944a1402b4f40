#include "deploy/node_state.hpp"

#include <chrono>
#include <fstream>
#include <sstream>

#include "deploy/certs/cert_files.hpp"
#include "deploy/process.hpp"

namespace starling {

namespace fs = std::filesystem;

std::string NodeState::status() const {
    if (ended_unix) {
        return "ended " + std::to_string(exit_code);
    }
    return process.running() ? "running" : "dead";
}

Result<void> write_state(const fs::path& file, const NodeState& state) {
    std::ostringstream text;
    text << "role " << to_string(state.process.role) << "\npid " << state.process.pid
         << "\nstart_ticks " << state.process.start_ticks << "\nstarted " << state.started_unix
         << "\n";
    if (!state.ports.empty()) {
        text << "ports " << state.ports << "\n";
    }
    if (state.ended_unix) {
        text << "ended " << *state.ended_unix << "\nexit_code " << state.exit_code << "\n";
    }
    return write_file(file.string(), text.str(), FileMode::secret);
}

std::optional<NodeState> read_state(const fs::path& file) {
    std::ifstream in(file);
    NodeState state;
    bool whole = false;
    std::string key;
    while (in >> key) {
        std::string value;
        std::getline(in >> std::ws, value);
        std::istringstream number(value);
        if (key == "role") {
            const Result<Role> role = parse_role(value);
            if (!role) {
                return std::nullopt;
            }
            state.process.role = *role;
        } else if (key == "pid") {
            number >> state.process.pid;
        } else if (key == "start_ticks") {
            number >> state.process.start_ticks;
        } else if (key == "started") {
            whole = static_cast<bool>(number >> state.started_unix);
        } else if (key == "ports") {
            state.ports = value;
        } else if (key == "ended") {
            std::int64_t ended = 0;
            number >> ended;
            state.ended_unix = ended;
        } else if (key == "exit_code") {
            number >> state.exit_code;
        }
    }
    return whole && state.process.pid > 0 ? std::optional(state) : std::nullopt;
}

std::map<std::string, NodeState> read_states(const fs::path& run_dir) {
    std::map<std::string, NodeState> states;
    std::error_code code;
    for (fs::directory_iterator entry(run_dir, code), end; !code && entry != end;
         entry.increment(code)) {
        if (entry->path().extension() == ".state") {
            if (std::optional<NodeState> state = read_state(entry->path())) {
                states[entry->path().stem().string()] = std::move(*state);
            }
        }
    }
    return states;
}

NodeState state_of(pid_t pid, Role role) {
    NodeState state;
    state.process = {pid, role, process_start_ticks(pid).value_or(0)};
    state.started_unix = unix_now();
    return state;
}

std::int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace starling
