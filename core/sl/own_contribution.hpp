#pragma once

#include <optional>
#include <utility>

#include "core/base/heap_optional.hpp"
#include "core/merge/segment_codec.hpp"

namespace starling {

/// This member's parameters for a round.
struct OwnParameters {
    Segments values;
    Segments reference;  ///< the model of the round before; empty in round 0
};

/// This member's parameters of one round as they travel. Each segment is encoded when it is first
/// needed, and once, so that all owners and all attempts at the round get the same bytes.
class OwnContribution {
public:
    /// \param residuals  what the compression lost in earlier rounds; empty: nothing
    OwnContribution(SegmentCodec codec, OwnParameters own, Segments residuals)
        : codec_(std::move(codec)),
          values_(std::move(own.values)),
          reference_(std::move(own.reference)) {
        if (codec_.compresses()) {
            residuals.resize(values_.size());
            compressed_ =
                Compressed{std::move(residuals), std::vector<std::optional<Blob>>(values_.size())};
        }
    }

    const SegmentCodec& codec() const { return codec_; }
    const Blob& encoded(std::uint32_t segment) {
        if (!compressed_) {
            return values_[segment];
        }
        std::optional<Blob>& slot = compressed_->encoded[segment];
        if (!slot) {
            Blob residual = compressed_->residuals[segment];
            slot =
                codec_.encode_contribution(segment, values_[segment], reference(segment), residual);
            compressed_->residuals.set(segment, std::move(residual));
        }
        return *slot;
    }
    /// Empty in round 0.
    Blob reference(std::uint32_t segment) const {
        return reference_.empty() ? Blob() : reference_[segment];
    }
    std::size_t size() const { return values_.size(); }
    bool has_reference() const { return !reference_.empty(); }
    /// What the compression has lost up to this round, of the segments that were needed: for the
    /// next one, if this contribution is merged.
    Segments residuals() const { return compressed_ ? compressed_->residuals : Segments(); }

private:
    SegmentCodec codec_;
    Segments values_;
    Segments reference_;
    struct Compressed {
        Segments residuals;
        std::vector<std::optional<Blob>> encoded;
    };
    HeapOptional<Compressed> compressed_;  ///< nothing without compression
};

}  // namespace starling
