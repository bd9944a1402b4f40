#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace starling {

/// A set of segments of a model, as ranges: a member has such sets for each of its partners, and
/// what they owe it are mostly neighbouring segments.
class SegmentSet {
public:
    struct Range {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;  ///< the first one behind it
    };

private:
    /// The first range that begins behind `segment`.
    template <typename Ranges>
    static auto first_behind(Ranges& ranges, std::uint32_t segment) {
        return std::upper_bound(
            ranges.begin(), ranges.end(), segment,
            [](std::uint32_t value, const Range& range) { return value < range.begin; });
    }

public:
    bool empty() const { return ranges_.empty(); }
    std::size_t size() const { return size_; }
    /// Ascending, not adjacent, none empty.
    const std::vector<Range>& ranges() const { return ranges_; }
    /// \pre not empty
    std::uint32_t front() const { return ranges_.front().begin; }
    std::uint32_t back() const { return ranges_.back().end - 1; }

    bool contains(std::uint32_t segment) const {
        const auto at = first_behind(ranges_, segment);
        return at != ranges_.begin() && segment < std::prev(at)->end;
    }
    /// \return false: it was there.
    bool insert(std::uint32_t segment) {
        const auto next = first_behind(ranges_, segment);
        const bool has_last = next != ranges_.begin();
        if (has_last && segment < std::prev(next)->end) {
            return false;
        }
        const bool joins_last = has_last && std::prev(next)->end == segment;
        const bool joins_next = next != ranges_.end() && next->begin == segment + 1;
        if (joins_last && joins_next) {
            std::prev(next)->end = next->end;
            ranges_.erase(next);
        } else if (joins_last) {
            ++std::prev(next)->end;
        } else if (joins_next) {
            --next->begin;
        } else {
            ranges_.insert(next, Range{segment, segment + 1});
        }
        ++size_;
        return true;
    }
    /// \return false: it was not there.
    bool erase(std::uint32_t segment) {
        const auto next = first_behind(ranges_, segment);
        if (next == ranges_.begin() || segment >= std::prev(next)->end) {
            return false;
        }
        const auto range = std::prev(next);
        const Range before = *range;
        if (before.begin == segment && before.end == segment + 1) {
            ranges_.erase(range);
        } else if (before.begin == segment) {
            ++range->begin;
        } else {
            range->end = segment;
            if (segment + 1 < before.end) {
                ranges_.insert(next, Range{segment + 1, before.end});
            }
        }
        --size_;
        return true;
    }
    void clear() {
        ranges_.clear();
        size_ = 0;
    }

private:
    std::vector<Range> ranges_;
    std::size_t size_ = 0;
};

}  // namespace starling
