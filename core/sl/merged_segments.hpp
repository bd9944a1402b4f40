#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/params/segment_set.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// The merged segments of an attempt that are here: their values, and as they travel.
class MergedSegments {
public:
    /// \param compressed  segments travel as other bytes than their values.
    MergedSegments(std::size_t count, bool compressed)
        : values_(count), encoded_(compressed ? count : 0) {}

    bool has(std::uint32_t segment) const { return has_.contains(segment); }
    void store(std::uint32_t segment, Blob values, Blob encoded) {
        has_.insert(segment);
        new_.push_back(segment);
        values_.set(segment, std::move(values));
        if (!encoded_.empty()) {
            encoded_.set(segment, std::move(encoded));
        }
    }
    std::size_t size() const { return values_.size(); }
    bool complete() const { return has_.size() == values_.size(); }
    const Segments& values() const { return values_; }
    /// Those stored since the last call.
    std::vector<std::uint32_t> take_new() { return std::exchange(new_, {}); }
    /// \pre has(segment)
    const Blob& encoded(std::uint32_t segment) const {
        return encoded_.empty() ? values_[segment] : encoded_[segment];
    }

private:
    Segments values_;
    Segments encoded_;  ///< empty without compression
    SegmentSet has_;
    std::vector<std::uint32_t> new_;
};

}  // namespace starling
