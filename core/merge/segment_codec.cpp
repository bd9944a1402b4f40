// Encodings of segments on the wire. A segment is encoded part by part: a part is the run of one
// tensor's elements in it. Sizes follow from the layout, so there are no headers; only parts of
// top-k begin with the number of their elements (element_coding.hpp).
//
// Errors that a compression makes are fed back at the member that made them: an element that is
// rounded away in one round is added to the next contribution (error feedback).
#include "core/merge/segment_codec.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "core/base/buffer_pool.hpp"
#include "core/base/invariant.hpp"
#include "core/merge/element_coding.hpp"
#include "core/params/segment_parts.hpp"

namespace starling {
namespace {

bool is_f32(const SegmentPart& part) { return part.tensor.dtype == DType::f32; }

std::vector<float> floats_at(const Blob& blob, const SegmentPart& part) {
    std::vector<float> values(part.count(), 0.0F);
    if (!blob.empty()) {
        std::memcpy(values.data(), blob.view().data() + part.offset, part.bytes);
    }
    return values;
}

void append(Bytes& out, const void* data, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(data);
    out.insert(out.end(), from, from + size);
}

/// The sum of two finite numbers, limited to finite ones: a model of finite contributions must not
/// become infinite by how it travels, since its owner would be named for that. A NaN is the
/// canonical one: of two, the compiler's order of operands decides which one is left.
float finite_sum(float a, float b) {
    const float sum = a + b;
    if (std::isnan(sum)) {
        return std::numeric_limits<float>::quiet_NaN();
    }
    return std::isinf(sum) && std::isfinite(a) && std::isfinite(b)
               ? std::copysign(std::numeric_limits<float>::max(), sum)
               : sum;
}

/// Encodes the differences of a part by f16, bf16 or int8.
void encode_differences(Compression kind, std::vector<float> values,
                        std::span<const float> reference, Bytes& out) {
    // Rounding up a larger one could make it infinite.
    constexpr float largest = 0x1p127F;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float difference = finite_sum(values[i], -reference[i]);
        values[i] =
            std::isfinite(difference) ? std::clamp(difference, -largest, largest) : difference;
    }
    encode_values(kind, values, out);
}

/// \return bytes read
std::size_t decode_part(Compression kind, const std::byte* from, std::span<float> values) {
    if (kind == Compression::top_k) {
        return decode_listed(from, values);
    }
    std::vector<float> differences(values.size());
    decode_values(kind, from, differences);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = finite_sum(values[i], differences[i]);
    }
    return coded_bytes(kind, values.size());
}

void add(std::span<float> values, std::span<const float> more) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = finite_sum(values[i], more[i]);
    }
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
    const bool feeds_back = method_.kind == Compression::int8 || method_.kind == Compression::top_k;
    Bytes out;
    out.reserve(contribution_bytes(segment, !reference.empty()));
    Bytes lost(feeds_back ? values.size() : 0);
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        if (!is_f32(part)) {
            append(out, values.view().data() + part.offset, part.bytes);
            return;
        }
        std::vector<float> wanted = floats_at(values, part);
        std::vector<float> decoded = floats_at(reference, part);
        if (feeds_back && !residual.empty()) {
            add(wanted, floats_at(residual, part));
        }
        const std::size_t begin = out.size();
        if (method_.kind == Compression::top_k) {
            const std::size_t kept =
                reference.empty() ? wanted.size() : kept_count(method_.fraction, wanted.size());
            encode_listed(wanted, largest_changes(wanted, decoded, kept), out);
        } else {
            encode_differences(method_.kind, wanted, decoded, out);
        }
        if (feeds_back) {
            decode_part(method_.kind, out.data() + begin, decoded);
            for (std::size_t i = 0; i < wanted.size(); ++i) {
                const float error = wanted[i] - decoded[i];
                decoded[i] = std::isfinite(error) ? error : 0.0F;
            }
            std::memcpy(lost.data() + part.offset, decoded.data(), part.bytes);
        }
    });
    if (feeds_back) {
        residual = Blob(std::move(lost));
    }
    return Blob(std::move(out));
}

Blob SegmentCodec::encode_merged(std::uint32_t segment, const Blob& values,
                                 const Blob& reference) const {
    if (!compresses()) {
        return values;
    }
    if (values.is_phantom()) {
        return Blob::phantom(contribution_bytes(segment, !reference.empty()));
    }
    Bytes out;
    for_each_part(*layout_, segment, [&](const SegmentPart& part) {
        if (!is_f32(part)) {
            append(out, values.view().data() + part.offset, part.bytes);
            return;
        }
        std::vector<float> wanted = floats_at(values, part);
        const std::vector<float> base = floats_at(reference, part);
        if (method_.kind != Compression::top_k) {
            encode_differences(method_.kind, std::move(wanted), base, out);
        } else if (reference.empty()) {
            encode_listed(wanted, largest_changes(wanted, base, wanted.size()), out);
        } else {
            encode_listed(wanted, all_changes(wanted, base), out);
        }
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
        if (!is_f32(part)) {
            std::memcpy(buffer.get() + part.offset, from, part.bytes);
            from += part.bytes;
            return;
        }
        std::vector<float> values = floats_at(reference, part);
        from += decode_part(method_.kind, from, values);
        std::memcpy(buffer.get() + part.offset, values.data(), part.bytes);
    });
    const ByteView view(buffer.get(), size);
    return Blob(std::move(buffer), view);
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
            bytes += coded_bytes(method_.kind, part.count());
        }
    });
    return bytes;
}

std::uint64_t SegmentCodec::merged_bytes_max(std::uint32_t segment) const {
    return contribution_bytes(segment, false);
}

}  // namespace starling
