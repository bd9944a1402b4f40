#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/node/work.hpp"
#include "core/trace/trace_event.hpp"
#include "transport/program/program_socket.hpp"

namespace starling {

// What a program and its ML node in another process tell each other. A program first waits for a
// BeginReply; then the two take turns: a request, its reply. Between a reply and its next request
// the program tells of its batches and events.

/// The environment variable with the number of the socket that a program has inherited.
constexpr const char* program_socket_variable = "SWARM_NODE_SOCKET";

struct BatchDone {};
/// What a batch of this program costs, see SwarmCallbackOptions::workload. Before its OpenRequest.
struct WorkloadNamed {
    std::string name;
};
/// A TraceEvent with texts of its own: names of `[a-z0-9_]`, at most 64 bytes long.
struct ReportedEvent {
    std::string name;
    std::vector<std::pair<std::string, std::string>> fields;
    Level level = Level::debug;
    std::string component;
    std::string text;
};
using ProgramMessage = std::variant<BatchDone, WorkloadNamed, ReportedEvent, TrainRequest>;

ReportedEvent reported(const TraceEvent& event);

// Program to node. Errc: see ProgramSocket::send().
Result<void> send_message(ProgramSocket& socket, const ProgramMessage& message);
/// The parameters of a SyncRequest, and the state in it, are slices of the record's payload.
/// Errc::malformed, Errc::unknown_version: the program's part of Starling is another version.
Result<ProgramMessage> read_message(const ProgramSocket::Record& record);

// Node to program.
Result<void> send_reply(ProgramSocket& socket, const TrainReply& reply);
Result<TrainReply> read_reply(const ProgramSocket::Record& record);

}  // namespace starling
