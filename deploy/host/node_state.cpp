// The state file is appended to, in whole lines and never rewritten: a node that ends on a full
// disk may still add its last lines, and swarm-wait, which has the file open, reads them even after
// --rm.
#include "deploy/host/node_state.hpp"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <span>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "deploy/process/process.hpp"

namespace starling {

namespace fs = std::filesystem;

std::string NodeState::status() const {
    if (ended_unix) {
        return "ended " + std::to_string(exit_code);
    }
    return process.running() ? "running" : "dead";
}

namespace {

Result<void> append(const fs::path& file, const std::string& text) {
    const Descriptor out(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!out) {
        return write_error(file, errno);
    }
    errno = ENOSPC;  // the reason of a short write
    if (::write(out.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return write_error(file, errno, text.size());
    }
    return {};
}

}  // namespace

Result<void> write_state(const fs::path& file, const NodeState& state) {
    const std::string text = "role " + std::string(to_string(state.process.role)) + "\npid " +
                             std::to_string(state.process.pid) + "\nstart_ticks " +
                             std::to_string(state.process.start_ticks) + "\nstarted " +
                             std::to_string(state.started_unix) + "\n";
    const ByteView part = std::as_bytes(std::span(text));
    Result<void> written =
        replace_file(file, std::span<const ByteView>(&part, 1), FileReaders::owner);
    if (!written) {
        std::error_code ignored;
        fs::remove(file, ignored);
    }
    return written;
}

Result<void> append_ports(const fs::path& file, const std::string& ports) {
    return ports.empty() ? Result<void>{} : append(file, "ports " + ports + "\n");
}

Result<void> append_end(const fs::path& file, const NodeState& state) {
    // In this order: without the last line the node counts as not ended.
    return append(file, "exit_code " + std::to_string(state.exit_code) + "\nended " +
                            std::to_string(*state.ended_unix) + "\n");
}

std::optional<NodeState> read_state(const fs::path& file) {
    std::ifstream in(file);
    return read_state(in);
}

std::optional<NodeState> read_state(std::istream& in) {
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
