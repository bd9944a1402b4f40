#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <vector>

#include "core/params/segment_set.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// The segments in `ranges` of a model of `count` segments, each once, ascending: duplicates in a
/// frame cost no work.
inline std::vector<std::uint32_t> segments_in(const std::vector<SegmentRange>& ranges,
                                              std::size_t count) {
    std::vector<std::uint32_t> segments;
    if (ranges.size() == 1) {  // the usual request, at no cost for the rest of the model
        const std::size_t begin = std::min<std::size_t>(ranges.front().first, count);
        const std::size_t size = std::min<std::size_t>(ranges.front().count, count - begin);
        segments.resize(size);
        std::iota(segments.begin(), segments.end(), static_cast<std::uint32_t>(begin));
        return segments;
    }
    std::vector<std::int32_t> steps(count + 1,
                                    0);  // how many ranges begin here, less those that end
    for (const SegmentRange& range : ranges) {
        const std::size_t begin = std::min<std::size_t>(range.first, count);
        steps[begin] += 1;
        steps[begin + std::min<std::size_t>(range.count, count - begin)] -= 1;
    }
    std::int32_t open = 0;
    for (std::size_t i = 0; i < count; ++i) {
        open += steps[i];
        if (open > 0) {
            segments.push_back(static_cast<std::uint32_t>(i));
        }
    }
    return segments;
}

/// Copies of each segment sent to a peer on its connection. An honest peer repeats requests for
/// lost segments only; this bounds the cost of one that repeats them for ever.
class ServedSegments {
public:
    static constexpr std::uint8_t copies_max = 16;

    /// Counts one more copy of `segment`. \return  false: the limit is reached.
    bool note(std::uint32_t segment) {
        if (first_.insert(segment)) {
            return true;
        }
        std::uint8_t& repeats = repeats_[segment];
        if (repeats + 1 == copies_max) {
            return false;
        }
        ++repeats;
        return true;
    }
    void clear() {
        first_.clear();
        repeats_.clear();
    }

private:
    SegmentSet first_;
    std::map<std::uint32_t, std::uint8_t> repeats_;
};

}  // namespace starling
