// Encodings of segments on the wire. A segment is encoded part by part: a part is the run of one
// tensor's elements in it. Sizes follow from the layout, so there are no headers; only parts of
// top-k begin with the number of their elements (listed_coding.hpp).
//
// Errors that a compression makes are fed back at the member that made them: an element that is
// rounded away in one round is added to the next contribution (error feedback).
#include "core/merge/segment_codec.hpp"

#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "core/base/buffer_pool.hpp"
#include "core/base/invariant.hpp"
#include "core/merge/dense_coding.hpp"
#include "core/merge/kernels/merge_kernels.hpp"
#include "core/merge/listed_coding.hpp"
#include "core/params/segment_parts.hpp"

namespace starling {
namespace {

bool is_f32(const SegmentPart& part) { return part.tensor.dtype == DType::f32; }

/// nullptr: the segment is empty
const std::byte* bytes_at(const Blob& segment, const SegmentPart& part) {
    return segment.empty() ? nullptr : segment.view().data() + part.offset;
}

Blob blob_of(BufferPool::Buffer buffer, std::size_t size) {
    const ByteView view(buffer.get(), size);
    return Blob(std::move(buffer), view);
}

void append(Bytes& out, const void* data, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(data);
    out.insert(out.end(), from, from + size);
}

/// The elements of a part, followed by zeros up to a multiple of kernel_elements.
class Floats {
public:
    Floats(const Blob& segment, const SegmentPart& part)
        : count_(part.count()),
          floats_((count_ + kernel_elements - 1) / kernel_elements * kernel_elements, 0.0F) {
        if (const std::byte* const from = bytes_at(segment, part)) {
            std::memcpy(floats_.data(), from, part.bytes);
        }
    }
    std::span<float> elements() { return std::span(floats_).first(count_); }
    void add(const Floats& more) {
        merge_kernels().coding.add(floats_.data(), more.floats_.data(), floats_.data(),
                                   floats_.size());
    }
    /// Replaces these by what is lost of them when `decoded` arrives in their place.
    void subtract_decoded(const Floats& decoded) {
        merge_kernels().coding.residual(floats_.data(), decoded.floats_.data(), floats_.data(),
                                        floats_.size());
    }

private:
    std::size_t count_;
    std::vector<float> floats_;
};

/// A contribution's part by top-k, appended to `out`. \param lost  4 bytes an element
void encode_largest(double fraction, Floats wanted, Floats reference, bool has_reference,
                    std::byte* lost, Bytes& out) {
    const std::size_t count = wanted.elements().size();
    const std::size_t kept = has_reference ? kept_count(fraction, count) : count;
    const std::size_t begin = out.size();
    encode_listed(wanted.elements(), largest_changes(wanted.elements(), reference.elements(), kept),
                  out);
    decode_listed(out.data() + begin, reference.elements());
    wanted.subtract_decoded(reference);
    std::memcpy(lost, wanted.elements().data(), wanted.elements().size_bytes());
}

}  // namespace

SegmentCodec::SegmentCodec(std::shared_ptr<const ParamLayout> layout, CompressionMethod method)
    : layout_(std::move(layout)), method_(method) {}

Blob SegmentCodec::encode_contribution(std::uint32_t segment, const Blob& values,
                                       const Blob& reference, Blob& residual) const {
    if (!compresses()) {
        return values;
    }
    if (values.is_phantom()) {
        return Blob::phantom(contribution_bytes(segment, !reference.empty()));
    }
    if (method_.kind == Compression::f16 || method_.kind == Compression::bf16) {
        return encode_differences(segment, values, reference, Blob(), nullptr);
    }
    BufferPool::Buffer lost = BufferPool::of_process().take(values.size());
    Blob encoded = method_.kind == Compression::top_k
                       ? encode_largest_changes(segment, values, reference, residual, lost.get())
                       : encode_differences(segment, values, reference, residual, lost.get());
    residual = blob_of(std::move(lost), values.size());
    return encoded;
}

Blob SegmentCodec::encode_merged(std::uint32_t segment, const Blob& values,
                                 const Blob& reference) const {
    if (!compresses()) {
        return values;
    }
    if (values.is_phantom()) {
        return Blob::phantom(contribution_bytes(segment, !reference.empty()));
    }
    if (method_.kind != Compression::top_k) {
        return encode_differences(segment, values, reference, Blob(), nullptr);
    }
    Bytes out;
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        if (!is_f32(part)) {
            append(out, bytes_at(values, part), part.bytes);
            return;
        }
        Floats wanted(values, part);
        Floats base(reference, part);
        const std::vector<std::uint16_t> indices =
            reference.empty() ? largest_changes(wanted.elements(), base.elements(), part.count())
                              : all_changes(wanted.elements(), base.elements());
        encode_listed(wanted.elements(), indices, out);
    });
    return Blob(std::move(out));
}

/// By f16, bf16 or int8. \param lost  of the segment's size; nullptr: no error feedback
Blob SegmentCodec::encode_differences(std::uint32_t segment, const Blob& values,
                                      const Blob& reference, const Blob& residual,
                                      std::byte* lost) const {
    const std::uint64_t size = contribution_bytes(segment, !reference.empty());
    BufferPool::Buffer buffer = BufferPool::of_process().take(size);
    std::byte* to = buffer.get();
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        if (is_f32(part)) {
            encode_dense(
                method_.kind, part.count(), bytes_at(values, part), bytes_at(reference, part),
                {bytes_at(residual, part), lost == nullptr ? nullptr : lost + part.offset}, to);
            to += dense_bytes(method_.kind, part.count());
            return;
        }
        std::memcpy(to, bytes_at(values, part), part.bytes);
        if (lost != nullptr) {
            std::memset(lost + part.offset, 0, part.bytes);
        }
        to += part.bytes;
    });
    return blob_of(std::move(buffer), size);
}

/// By top-k. \param lost  of the segment's size
Blob SegmentCodec::encode_largest_changes(std::uint32_t segment, const Blob& values,
                                          const Blob& reference, const Blob& residual,
                                          std::byte* lost) const {
    Bytes out;
    out.reserve(contribution_bytes(segment, !reference.empty()));
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        if (!is_f32(part)) {
            append(out, bytes_at(values, part), part.bytes);
            std::memset(lost + part.offset, 0, part.bytes);
            return;
        }
        Floats wanted(values, part);
        if (!residual.empty()) {
            wanted.add(Floats(residual, part));
        }
        encode_largest(method_.fraction, std::move(wanted), Floats(reference, part),
                       !reference.empty(), lost + part.offset, out);
    });
    return Blob(std::move(out));
}

Blob SegmentCodec::decode(std::uint32_t segment, const Blob& encoded, const Blob& reference) const {
    if (!compresses()) {
        return encoded;
    }
    const std::uint64_t size = layout_->segment_size(segment);
    if (encoded.is_phantom()) {
        return Blob::phantom(size);
    }
    BufferPool::Buffer buffer = BufferPool::of_process().take(size);
    const std::byte* from = encoded.view().data();
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        std::byte* const to = buffer.get() + part.offset;
        if (!is_f32(part)) {
            std::memcpy(to, from, part.bytes);
            from += part.bytes;
        } else if (method_.kind == Compression::top_k) {
            Floats values(reference, part);
            from += decode_listed(from, values.elements());
            std::memcpy(to, values.elements().data(), part.bytes);
        } else {
            decode_dense(method_.kind, part.count(), from, bytes_at(reference, part), to);
            from += dense_bytes(method_.kind, part.count());
        }
    });
    return blob_of(std::move(buffer), size);
}

Result<void> SegmentCodec::check(std::uint32_t segment, const Blob& encoded,
                                 bool has_reference) const {
    const Error wrong{Errc::malformed, "segment " + std::to_string(segment) + " of " +
                                           std::to_string(encoded.size()) + " bytes"};
    if (method_.kind != Compression::top_k || encoded.is_phantom()) {
        return encoded.size() == contribution_bytes(segment, has_reference) ? Result<void>()
                                                                            : wrong;
    }
    ByteView rest = encoded.view();
    bool sound = true;
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        const std::optional<std::size_t> bytes =
            !sound          ? std::nullopt
            : !is_f32(part) ? std::optional(part.bytes)
                            : checked_listed_bytes(rest, part.count(), has_reference);
        sound = bytes && *bytes <= rest.size();
        rest = sound ? rest.subspan(*bytes) : rest;
    });
    return sound && rest.empty() ? Result<void>() : wrong;
}

std::uint64_t SegmentCodec::contribution_bytes(std::uint32_t segment, bool has_reference) const {
    if (!compresses()) {
        return layout_->segment_size(segment);
    }
    std::uint64_t bytes = 0;
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        if (!is_f32(part)) {
            bytes += part.bytes;
        } else if (method_.kind == Compression::top_k) {
            const std::size_t kept =
                has_reference ? kept_count(method_.fraction, part.count()) : part.count();
            bytes += listed_bytes(kept, part.count());
        } else {
            bytes += dense_bytes(method_.kind, part.count());
        }
    });
    return bytes;
}

std::uint64_t SegmentCodec::merged_bytes_max(std::uint32_t segment) const {
    return contribution_bytes(segment, false);
}

}  // namespace starling
