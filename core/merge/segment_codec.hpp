#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/result.hpp"
#include "core/merge/compression.hpp"
#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// Segments as they travel during a round (SegmentData) under a contract's compression: see
/// FORMAT.md. A pure function of its inputs, so that all members decode the same bytes.
///
/// From round 1 on all members have the model of the round before, the *reference*. f16, bf16 and
/// int8 then encode the difference from it, which needs less precision than the values; top-k
/// encodes the elements that differ. In round 0 the reference is empty. What was finite before it
/// is encoded is finite once it is decoded.
class SegmentCodec {
public:
    SegmentCodec(std::shared_ptr<const ParamLayout> layout, CompressionMethod method);

    const std::shared_ptr<const ParamLayout>& layout() const { return layout_; }
    const CompressionMethod& method() const { return method_; }
    bool compresses() const { return method_.kind != Compression::none; }

    /// A member's contribution of one segment.
    ///
    /// \param values     of the segment's size
    /// \param reference  of the same size, or empty
    /// \param residual   of the same size, or empty: what earlier rounds lost of this segment,
    ///     added to the values before they are encoded; replaced by what is lost now (error
    ///     feedback: Karimireddy et al., "Error Feedback Fixes SignSGD and other Gradient
    ///     Compression Schemes", 2019). Used by int8 and top-k only, else left alone.
    Blob encode_contribution(std::uint32_t segment, const Blob& values, const Blob& reference,
                             Blob& residual) const;
    /// A merged segment. With top-k exact: all elements that differ from the reference.
    Blob encode_merged(std::uint32_t segment, const Blob& values, const Blob& reference) const;

    /// Decodes either. \pre check(segment, encoded, !reference.empty())
    Blob decode(std::uint32_t segment, const Blob& encoded, const Blob& reference) const;
    /// Errc::malformed: not an encoding of this segment. What a peer has sent passes this first.
    /// Cost: constant, with top-k one pass over the indices.
    Result<void> check(std::uint32_t segment, const Blob& encoded, bool has_reference) const;

    /// Size of an encoded contribution, in bytes. That of a merged segment is the same, but with
    /// top-k, where it depends on the values.
    std::uint64_t contribution_bytes(std::uint32_t segment, bool has_reference) const;
    /// The largest size of an encoded merged segment, in bytes.
    std::uint64_t merged_bytes_max(std::uint32_t segment) const;

private:
    Blob encode_differences(std::uint32_t segment, const Blob& values, const Blob& reference,
                            const Blob& residual, std::byte* lost) const;
    Blob encode_largest_changes(std::uint32_t segment, const Blob& values, const Blob& reference,
                                const Blob& residual, std::byte* lost) const;

    std::shared_ptr<const ParamLayout> layout_;
    CompressionMethod method_;
};

}  // namespace starling
