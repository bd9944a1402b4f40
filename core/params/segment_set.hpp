#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

namespace starling {

/// A set of segments of a model, as ranges: a member has such sets for each of its partners, and
/// what they owe it are mostly neighbouring segments. One range takes a word, since an owner in a
/// large swarm has some sets for each member.
class SegmentSet {
public:
    struct Range {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;  ///< the first one behind it
    };
    /// Ascending, not adjacent, none empty. Valid until the set changes.
    class Ranges {
    public:
        explicit Ranges(Range one) : one_(one) {}
        explicit Ranges(std::span<const Range> several) : several_(several) {}
        const Range* begin() const { return several_.empty() ? &one_ : several_.data(); }
        const Range* end() const { return begin() + size(); }
        std::size_t size() const { return several_.empty() ? length() : several_.size(); }

    private:
        std::size_t length() const { return one_.begin == one_.end ? 0 : 1; }

        Range one_;
        std::span<const Range> several_;
    };

private:
    /// The first range that begins behind `segment`.
    template <typename Of>
    static auto first_behind(Of& ranges, std::uint32_t segment) {
        return std::upper_bound(
            ranges.begin(), ranges.end(), segment,
            [](std::uint32_t value, const Range& range) { return value < range.begin; });
    }

public:
    SegmentSet() = default;
    SegmentSet(SegmentSet&& other) noexcept : word_(std::exchange(other.word_, none)) {}
    SegmentSet& operator=(SegmentSet&& other) noexcept {
        std::swap(word_, other.word_);
        return *this;
    }
    SegmentSet(const SegmentSet&) = delete;
    SegmentSet& operator=(const SegmentSet&) = delete;
    ~SegmentSet() { clear(); }

    bool empty() const { return size() == 0; }
    std::size_t size() const { return has_several() ? several().size : one().end - one().begin; }
    Ranges ranges() const { return has_several() ? Ranges(several().ranges) : Ranges(one()); }
    /// \pre not empty
    std::uint32_t front() const { return ranges().begin()->begin; }
    std::uint32_t back() const { return std::prev(ranges().end())->end - 1; }

    bool contains(std::uint32_t segment) const {
        const Ranges all = ranges();
        const auto at = first_behind(all, segment);
        return at != all.begin() && segment < std::prev(at)->end;
    }
    /// \return false: it was there.
    bool insert(std::uint32_t segment) {
        if (contains(segment)) {
            return false;
        }
        if (empty()) {
            set_one({segment, segment + 1});
        } else if (!has_several() && one().end == segment) {
            set_one({one().begin, segment + 1});
        } else if (!has_several() && one().begin == segment + 1) {
            set_one({segment, one().end});
        } else {
            insert_among(list().ranges, segment);
            ++list().size;
            if (several().ranges.size() == 1) {  // as of a model that is complete
                const Range all = several().ranges.front();
                clear();
                set_one(all);
            }
        }
        return true;
    }
    /// \return false: it was not there.
    bool erase(std::uint32_t segment) {
        if (!contains(segment)) {
            return false;
        }
        if (!has_several() && one().begin == segment) {
            set_one({segment + 1, one().end});
        } else if (!has_several() && one().end == segment + 1) {
            set_one({one().begin, segment});
        } else if (size() == 1) {
            clear();
        } else {
            erase_among(list().ranges, segment);
            --list().size;
        }
        return true;
    }
    void clear() {
        if (has_several()) {
            delete &several();
        }
        word_ = none;
    }

private:
    struct Several {
        std::vector<Range> ranges;
        std::size_t size = 0;  ///< of the set
    };
    // The only range, perhaps empty, with the lowest bit set; or, without it, where several are.
    static constexpr std::uint64_t none = 1;
    static_assert(alignof(Several) > 1 && sizeof(Several*) == sizeof(std::uint64_t));

    bool has_several() const { return (word_ & 1U) == 0; }
    /// \pre  !has_several(); segments are below 2^31
    Range one() const {
        return {static_cast<std::uint32_t>(word_) >> 1U, static_cast<std::uint32_t>(word_ >> 32U)};
    }
    void set_one(Range range) {
        word_ = (std::uint64_t{range.end} << 32U) | (std::uint64_t{range.begin} << 1U) | 1U;
    }
    /// \pre  has_several()
    Several& several() const { return *std::bit_cast<Several*>(word_); }
    /// All ranges, in memory of their own from now on.
    Several& list() {
        if (!has_several()) {
            word_ = std::bit_cast<std::uint64_t>(new Several{{one()}, size()});
        }
        return several();
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

    std::uint64_t word_ = none;
};

}  // namespace starling
