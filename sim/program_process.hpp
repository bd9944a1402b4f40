#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include "sim/sim_training.hpp"
#include "transport/process/child_process.hpp"
#include "transport/program/program_messages.hpp"

namespace starling {

/// What it takes to start a program of a simulated node.
struct ProgramStart {
    std::string name;                ///< of node and host, for messages: "ml1 on host-1"
    ChildCommand command;            ///< without its descriptors
    std::filesystem::path log_file;  ///< its output is appended
};

/// One process of a program: its socket, its output and its end. Never waits.
class ProgramProcess {
public:
    /// Errc::io: it can't be started.
    static Result<std::unique_ptr<ProgramProcess>> start(const ProgramStart& start);
    ProgramProcess(const ProgramProcess&) = delete;
    ProgramProcess& operator=(const ProgramProcess&) = delete;
    /// Kills its process group.
    ~ProgramProcess();

    Result<void> send(const TrainReply& reply) { return send_reply(socket_, reply); }

    /// What to poll for; a negative number: nothing.
    std::array<pollfd, 3> ends() const;
    /// Reads what is there: output and messages. \return  something was there.
    /// Errc: what it has sent can't be read, or its log can't be written.
    Result<bool> read();
    /// A message that was read; nothing: there is none.
    std::optional<ProgramMessage> take_message();
    /// How it has ended; nothing: it runs. Everything that it has sent and written was read before.
    std::optional<ExitStatus> ended();

    std::uint64_t output_bytes() const { return output_bytes_; }
    /// The last lines of its output, each indented; empty: it has written nothing.
    std::string last_lines() const;
    /// That it alone uses now.
    std::uint64_t memory_bytes() const;

private:
    ProgramProcess(Descriptor socket, Descriptor output, Descriptor log, pid_t pid);
    Result<bool> read_output();
    Result<bool> read_messages();

    ProgramSocket socket_;
    Descriptor output_;  ///< invalid: it was closed
    Descriptor log_;
    pid_t pid_;
    Descriptor end_;  ///< readable when it has ended
    bool socket_open_ = true;
    std::deque<ProgramMessage> messages_;
    std::uint64_t output_bytes_ = 0;
    std::string tail_;  ///< of the output
    std::optional<ExitStatus> status_;
};

}  // namespace starling
