#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {

/// One line of a trace file: `time_ns node event key=value ...`.
struct TraceRecord {
    std::int64_t time_ns = 0;  ///< since the start of the simulation, or since 1970 for a process
    std::string node;
    std::string event;
    std::map<std::string, std::string> fields;
    std::size_t start = 0;  ///< of the process; 0: the first in the file

    /// Empty if there is none.
    std::string text(const std::string& key) const {
        const auto found = fields.find(key);
        return found == fields.end() ? "" : found->second;
    }
    /// 0 if there is none, or it is no number.
    std::uint64_t number(const std::string& key) const { return number_in(text(key)).value_or(0); }
};

/// Reads a trace of a simulation or of a process. A process writes one line that begins with
/// `# starling-trace` at each start; other lines that begin with '#' are comments. An incomplete
/// line (the process was killed) is skipped; if a start follows it, an event `trace_gap` is added.
/// Errc::io, or Errc::malformed with the line.
Result<std::vector<TraceRecord>> read_trace(const std::string& path);

}  // namespace starling
