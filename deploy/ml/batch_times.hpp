#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/json/workload_table.hpp"

namespace starling {

/// Times of a program's batches, measured from sync to sync. The first of several intervals only
/// warms up (allocations, generated code, page cache) and does not count.
class BatchTimes {
public:
    /// \param batches  trained in the interval; 0: ignored.
    /// \param seconds  from the return of one sync to the call of the next.
    void add(std::uint64_t batches, double seconds);
    /// In intervals that count, once two are known.
    std::uint64_t measured_batches() const;
    /// seconds_per_batch is the median over the intervals: a few that something else on the machine
    /// has disturbed don't move it.
    /// nullopt: there was no batch.
    std::optional<MeasuredWorkload> result(double startup_seconds) const;

private:
    struct Interval {
        std::uint64_t batches = 0;
        double seconds = 0.0;
    };

    std::vector<Interval> intervals_;
};

}  // namespace starling
