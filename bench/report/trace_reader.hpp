#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

/// One line of a trace file: `time_ns node event key=value ...`.
struct TraceRecord {
    std::int64_t time_ns = 0;  ///< since the start of the simulation or of the process
    std::string node;
    std::string event;
    std::map<std::string, std::string> fields;
};

/// Reads a trace of a simulation or of a process. Lines that start with '#' are comments. A last
/// line without its end (the process was killed) is left out. Errc::io, or Errc::malformed with the
/// line.
Result<std::vector<TraceRecord>> read_trace(const std::string& path);

/// When time 0 of this trace was: nanoseconds since 1970, of a process; 0 for a simulation, whose
/// trace does not say. Errc::io.
Result<std::int64_t> trace_epoch_ns(const std::string& path);

}  // namespace starling
