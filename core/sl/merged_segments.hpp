#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/params/segments.hpp"

namespace starling {

/// The merged segments of an attempt that are here: their values, and as they travel.
class MergedSegments {
public:
    /// \param compressed  segments travel as other bytes than their values.
    MergedSegments(std::size_t count, bool compressed)
        : values_(count), encoded_(compressed ? count : 0), has_(count) {}

    bool has(std::uint32_t segment) const { return has_[segment]; }
    void store(std::uint32_t segment, Blob values, Blob encoded) {
        present_ += has_[segment] ? 0U : 1U;
        has_[segment] = true;
        new_.push_back(segment);
        values_[segment] = std::move(values);
        if (!encoded_.empty()) {
            encoded_[segment] = std::move(encoded);
        }
    }
    std::size_t size() const { return values_.size(); }
    bool complete() const { return present_ == values_.size(); }
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
    std::vector<bool> has_;
    std::size_t present_ = 0;
    std::vector<std::uint32_t> new_;
};

}  // namespace starling
