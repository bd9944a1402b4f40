#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"
#include "core/trace/trace_event.hpp"
#include "deploy/log/rotation.hpp"

namespace starling {

struct TraceLogOptions {
    NodeId node;
    Role role = Role::sl;
    std::filesystem::path trace_file;  ///< appended to; empty: no trace
    std::filesystem::path log_file;    ///< appended to; empty: standard output only
    Level level = Level::info;         ///< of log lines; the trace always has everything
    LogLimits limits = {};             ///< of the log file
    std::string host = {};             ///< where the node is, for the trace; empty: not said
};

/// Writes a node's events to its trace and log on a host. All functions may be called from any
/// thread.
///
/// Trace, see TraceFile: at each start a line `# starling-trace 1 node=NAME role=ROLE
/// epoch_ns=UNIX_NS host=HOST`, where epoch_ns is the wall clock (nanoseconds since 1970) at
/// SwarmTime 0, and the last word may be missing; then a trace_line() for each event. It is written
/// within a second; a warning or error, and all before it, at once. Times of one start never
/// decrease.
///
/// Log, to standard output and the log file: `TIME : COMPONENT : LEVEL : text`, as in
/// `2026-11-22 22:00:24,123 : swarm.blCnt : INFO : Starting SWARM-API-SERVER on port: 30304`.
class TraceLog : public TraceSink {
public:
    /// Relates SwarmTime to the wall clock. To be called once, before the first report().
    virtual void begin(SwarmTime now) = 0;
    /// A log line of the host itself, without an event.
    virtual void line(Level level, std::string_view component, std::string_view text) = 0;
    virtual void flush() = 0;
};

/// Opens the files with mode 0600; their directories must exist. Errc::io names the file.
Result<std::unique_ptr<TraceLog>> open_trace_log(TraceLogOptions options);

}  // namespace starling
