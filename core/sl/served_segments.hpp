#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/wire/messages.hpp"

namespace starling {

/// The segments in `ranges` of a model of `count` segments, each once, ascending: duplicates in a
/// frame cost no work.
inline std::vector<std::uint32_t> segments_in(const std::vector<SegmentRange>& ranges,
                                              std::size_t count) {
    std::vector<std::int32_t> steps(count + 1,
                                    0);  // how many ranges begin here, less those that end
    for (const SegmentRange& range : ranges) {
        const std::size_t begin = std::min<std::size_t>(range.first, count);
        steps[begin] += 1;
        steps[begin + std::min<std::size_t>(range.count, count - begin)] -= 1;
    }
    std::vector<std::uint32_t> segments;
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

    /// Counts one more copy of `segment`, of `count`. \return  false: the limit is reached.
    bool note(std::uint32_t segment, std::size_t count) {
        copies_.resize(count, 0);
        if (copies_[segment] == copies_max) {
            return false;
        }
        ++copies_[segment];
        return true;
    }
    void clear() { copies_.clear(); }

private:
    std::vector<std::uint8_t> copies_;
};

}  // namespace starling
