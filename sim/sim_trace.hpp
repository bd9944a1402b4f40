#pragma once

#include <iosfwd>

#include "core/trace/trace_event.hpp"

namespace starling {

/// Writes the events of all simulated nodes to the trace file and the log. Either may be missing.
class SimTrace final : public TraceSink {
public:
    /// \param trace  gets a first line with the seed, then one trace_line() per event.
    /// \param log    gets `[   12.345678] NODE : COMPONENT : LEVEL : text` from `level` on.
    /// \param also  another sink for every event; null: none.
    SimTrace(std::ostream* trace, std::ostream* log, Level level, std::uint64_t seed,
             TraceSink* also = nullptr);

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    std::uint64_t events() const { return events_; }

private:
    std::ostream* trace_;
    std::ostream* log_;
    Level level_;
    TraceSink* also_;
    std::uint64_t events_ = 0;
};

}  // namespace starling
