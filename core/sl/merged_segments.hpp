#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/params/segment_set.hpp"
#include "core/params/segments.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {

/// The merged segments of an attempt that are here: their values, and as they travel.
class MergedSegments {
public:
    /// \param compressed  segments travel as other bytes than their values.
    MergedSegments(std::size_t count, bool compressed)
        : count_(static_cast<std::uint32_t>(count)), compressed_(compressed) {}

    bool has(std::uint32_t segment) const { return has_.contains(segment); }
    void store(std::uint32_t segment, Blob values, Blob encoded) {
        if (has_.empty()) {  // memory is taken late
            values_.resize(count_);
            encoded_.resize(compressed_ ? count_ : 0);
        }
        has_.insert(segment);
        new_.push_back(segment);
        values_.set(segment, std::move(values));
        if (compressed_) {
            encoded_.set(segment, std::move(encoded));
        }
    }
    std::size_t size() const { return count_; }
    bool complete() const { return has_.size() == count_; }
    /// Nothing, as long as none is here.
    const Segments& values() const { return values_; }
    /// See SharedRounds::copy_of(). \pre complete()
    void share(SharedRounds& shared) { values_ = shared.copy_of(values_); }
    /// Those stored since the last call.
    std::vector<std::uint32_t> take_new() { return std::exchange(new_, {}); }
    /// \pre has(segment)
    const Blob& encoded(std::uint32_t segment) const {
        return compressed_ ? encoded_[segment] : values_[segment];
    }

private:
    Segments values_;
    Segments encoded_;  ///< empty without compression
    std::uint32_t count_;
    bool compressed_;
    SegmentSet has_;
    std::vector<std::uint32_t> new_;
};

}  // namespace starling
