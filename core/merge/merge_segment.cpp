#include "core/merge/merge_segment.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/buffer_pool.hpp"
#include "core/base/invariant.hpp"
#include "core/merge/finite.hpp"
#include "core/params/segment_parts.hpp"

namespace starling {
namespace {

std::uint64_t floating_elements(const ParamLayout& layout) {
    std::uint64_t elements = 0;
    for (const TensorSpec& tensor : layout.tensors()) {
        elements +=
            is_floating(tensor.dtype) ? tensor.size_bytes() / element_bytes(tensor.dtype) : 0;
    }
    return elements;
}

struct MergedBytes {
    Blob bytes;  ///< each NaN in them is the canonical one
    bool finite = true;
};

/// \pre contributions are of one size, and not phantoms
MergedBytes merge_bytes(const MergeWork& work) {
    const std::size_t size = work.contributions.front().size();
    BufferPool::Buffer merged = BufferPool::of_models().take(size);
    const MergeRuleRow* const rule = row_of(work.method);
    STARLING_INVARIANT(rule != nullptr, "sessions with a rule that is not here are refused");
    const std::vector<double> weights(work.weights.begin(), work.weights.end());
    std::vector<const std::byte*> inputs(work.contributions.size());
    MergeBlock block{.inputs = inputs,
                     .weights = weights,
                     .parameters = work.method.parameters,
                     .model_elements = floating_elements(*work.layout),
                     .past_caches = true};  // the buffer is one that an older model has left
    for_each_part(*work.layout, work.segment, [&](const SegmentPart& part) {
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            inputs[k] = work.contributions[k].view().data() + part.offset;
        }
        std::byte* out = merged.get() + part.offset;
        if (is_floating(part.tensor.dtype)) {
            block.dtype = part.tensor.dtype;
            block.out = out;
            block.count = part.count();
            rule->merge(block);
        } else {
            std::memcpy(out, inputs[0], part.bytes);
        }
    });
    const ByteView view(merged.get(), size);
    const bool finite = !holds_non_finite(*work.layout, work.segment, view);
    if (!finite) {
        make_nan_canonical(*work.layout, work.segment, {merged.get(), size});
    }
    return {Blob(std::move(merged), view), finite};
}

/// The contributions but those at `left_out`, which ascends.
MergeWork without(const MergeWork& work, const std::vector<std::uint32_t>& left_out) {
    MergeWork rest = work;
    rest.contributions.clear();
    rest.weights.clear();
    for (std::uint32_t k = 0; k < work.contributions.size(); ++k) {
        if (!std::binary_search(left_out.begin(), left_out.end(), k)) {
            rest.contributions.push_back(work.contributions[k]);
            rest.weights.push_back(work.weights[k]);
        }
    }
    return rest;
}

/// \param work  with contributions that are not encoded
MergeResult merge_values(const MergeWork& work) {
    MergeResult result;
    result.segment = work.segment;
    const std::size_t size = work.contributions.front().size();
    for (const Blob& contribution : work.contributions) {
        STARLING_INVARIANT(contribution.size() == size,
                           "the exchange takes segments of this size only");
        if (contribution.is_phantom()) {
            result.merged = Blob::phantom(size);
            return result;
        }
    }
    const auto [merged, finite] = merge_bytes(work);
    result.merged = merged;
    if (work.non_finite == NonFinitePolicy::allow || finite) {
        return result;
    }
    for (std::uint32_t k = 0; k < work.contributions.size(); ++k) {
        if (holds_non_finite(*work.layout, work.segment, work.contributions[k])) {
            result.non_finite.push_back(k);
        }
    }
    const bool some_are_finite = result.non_finite.size() < work.contributions.size();
    if (work.non_finite == NonFinitePolicy::refuse && some_are_finite &&
        !result.non_finite.empty()) {
        result.merged = merge_bytes(without(work, result.non_finite)).bytes;
    }
    return result;
}

}  // namespace

MergeResult merge_segment(const MergeWork& work) {
    STARLING_INVARIANT(
        !work.contributions.empty() && work.contributions.size() == work.weights.size(),
        "a weight for each contribution, and at least one");
    const SegmentCodec codec(work.layout, work.compression);
    if (!codec.compresses()) {
        MergeResult result = merge_values(work);
        result.encoded = result.merged;
        return result;
    }
    MergeWork decoded = work;
    for (Blob& contribution : decoded.contributions) {
        contribution = codec.decode(work.segment, contribution, work.reference);
    }
    MergeResult result = merge_values(decoded);
    result.encoded = codec.encode_merged(work.segment, result.merged, work.reference);
    result.merged = codec.decode(work.segment, result.encoded, work.reference);
    return result;
}

}  // namespace starling
