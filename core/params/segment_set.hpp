#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

namespace starling {

/// A set of segments of a model, as ranges: a member has such sets for each of its partners, and
/// what they owe it are mostly neighbouring segments. One range needs no memory of its own, since
/// an owner in a large swarm has some sets for each member.
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
    bool empty() const { return size() == 0; }
    std::size_t size() const { return several_ ? several_->size : one_.end - one_.begin; }
    /// Ascending, not adjacent, none empty.
    std::span<const Range> ranges() const {
        return several_ ? std::span<const Range>(several_->ranges)
                        : std::span<const Range>(&one_, empty() ? 0U : 1U);
    }
    /// \pre not empty
    std::uint32_t front() const { return ranges().front().begin; }
    std::uint32_t back() const { return ranges().back().end - 1; }

    bool contains(std::uint32_t segment) const {
        const std::span<const Range> all = ranges();
        const auto at = first_behind(all, segment);
        return at != all.begin() && segment < std::prev(at)->end;
    }
    /// \return false: it was there.
    bool insert(std::uint32_t segment) {
        if (contains(segment)) {
            return false;
        }
        if (empty()) {
            one_ = {segment, segment + 1};
        } else if (!several_ && one_.end == segment) {
            ++one_.end;
        } else if (!several_ && one_.begin == segment + 1) {
            --one_.begin;
        } else {
            Several& several = list();
            insert_among(several.ranges, segment);
            ++several.size;
        }
        return true;
    }
    /// \return false: it was not there.
    bool erase(std::uint32_t segment) {
        if (!contains(segment)) {
            return false;
        }
        if (!several_ && one_.begin == segment) {
            ++one_.begin;
        } else if (!several_ && one_.end == segment + 1) {
            --one_.end;
        } else if (size() == 1) {
            clear();
        } else {
            Several& several = list();
            erase_among(several.ranges, segment);
            --several.size;
        }
        return true;
    }
    void clear() {
        several_.reset();
        one_ = {};
    }

private:
    struct Several {
        std::vector<Range> ranges;
        std::size_t size = 0;  ///< of the set
    };
    /// All ranges, in memory of their own from now on.
    Several& list() {
        if (!several_) {
            several_ = std::make_unique<Several>(Several{{one_}, size()});
        }
        return *several_;
    }
    /// \pre it is in none of them
    static void insert_among(std::vector<Range>& ranges, std::uint32_t segment) {
        const auto next = first_behind(ranges, segment);
        const bool joins_last = next != ranges.begin() && std::prev(next)->end == segment;
        const bool joins_next = next != ranges.end() && next->begin == segment + 1;
        if (joins_last && joins_next) {
            std::prev(next)->end = next->end;
            ranges.erase(next);
        } else if (joins_last) {
            ++std::prev(next)->end;
        } else if (joins_next) {
            --next->begin;
        } else {
            ranges.insert(next, Range{segment, segment + 1});
        }
    }
    /// \pre it is in one of them
    static void erase_among(std::vector<Range>& ranges, std::uint32_t segment) {
        const auto next = first_behind(ranges, segment);
        const auto range = std::prev(next);
        const Range before = *range;
        if (before.begin == segment && before.end == segment + 1) {
            ranges.erase(range);
        } else if (before.begin == segment) {
            ++range->begin;
        } else {
            range->end = segment;
            if (segment + 1 < before.end) {
                ranges.insert(next, Range{segment + 1, before.end});
            }
        }
    }

    Range one_;  ///< the only range, perhaps empty, unless there are several_
    std::unique_ptr<Several> several_;
};

}  // namespace starling
