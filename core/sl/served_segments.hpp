#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/params/segment_set.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// The segments in `ranges` of a model of `count` segments, each once, ascending: duplicates in a
/// frame cost no work.
inline std::vector<std::uint32_t> segments_in(std::vector<SegmentRange> ranges, std::size_t count) {
    std::ranges::sort(ranges, {}, &SegmentRange::first);
    std::vector<std::uint32_t> segments;
    std::uint64_t next = 0;  // behind the last one taken
    for (const SegmentRange& range : ranges) {
        const std::uint64_t end =
            std::min<std::uint64_t>(count, std::uint64_t{range.first} + range.count);
        for (next = std::max<std::uint64_t>(next, range.first); next < end; ++next) {
            segments.push_back(static_cast<std::uint32_t>(next));
        }
    }
    return segments;
}

/// Segments that were sent to a peer more than once on its connection.
class RepeatedSegments {
public:
    /// Of each segment, the first one included.
    static constexpr std::uint8_t copies_max = 16;

    /// Counts one more copy of a segment that was sent before. \return  false: the limit is
    /// reached.
    bool note(std::uint32_t segment) {
        auto at = std::ranges::lower_bound(repeats_, segment, {}, &Repeats::segment);
        if (at == repeats_.end() || at->segment != segment) {
            at = repeats_.insert(at, {segment, 0});
        }
        if (at->count + 1 == copies_max) {
            return false;
        }
        ++at->count;
        return true;
    }

private:
    struct Repeats {
        std::uint32_t segment = 0;
        std::uint8_t count = 0;
    };
    std::vector<Repeats> repeats_;  ///< ascending
};

/// Copies of each segment sent to a peer on its connection. An honest peer repeats requests for
/// lost segments only; this bounds the cost of one that repeats them for ever.
class ServedSegments {
public:
    static constexpr std::uint8_t copies_max = RepeatedSegments::copies_max;

    /// Counts one more copy of `segment`. \return  false: the limit is reached.
    bool note(std::uint32_t segment) {
        if (first_.insert(segment)) {
            return true;
        }
        if (!repeats_) {
            repeats_ = std::make_unique<RepeatedSegments>();
        }
        return repeats_->note(segment);
    }

private:
    SegmentSet first_;
    std::unique_ptr<RepeatedSegments> repeats_;  ///< nothing, most of the time
};

}  // namespace starling
