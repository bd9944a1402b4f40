#include "core/merge/weighted_mean.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/merge/finite.hpp"
#include "core/merge/half.hpp"

namespace starling {
namespace {

/// A block of sums that stays in the first-level cache while all inputs pass over it.
constexpr std::size_t sums_per_block = 1024;

/// Element types by how they are read and written; memory may be unaligned to the type.
struct F32 {
    using Raw = float;
    static double read(Raw raw) { return static_cast<double>(raw); }
    static Raw write(double value) { return static_cast<float>(value); }
};
struct F64 {
    using Raw = double;
    static double read(Raw raw) { return raw; }
    static Raw write(double value) { return value; }
};
struct F16 {
    using Raw = std::uint16_t;
    static double read(Raw raw) { return static_cast<double>(f16_to_f32(raw)); }
    static Raw write(double value) { return f32_to_f16(static_cast<float>(value)); }
};
struct BF16 {
    using Raw = std::uint16_t;
    static double read(Raw raw) { return static_cast<double>(bf16_to_f32(raw)); }
    static Raw write(double value) { return f32_to_bf16(static_cast<float>(value)); }
};

template <typename Type>
void mean_of(std::span<const std::byte* const> inputs, std::span<const double> weights,
             std::byte* out, std::size_t count) {
    using Raw = typename Type::Raw;
    double total = 0.0;
    for (const double weight : weights) {
        total += weight;
    }
    STARLING_INVARIANT(total > 0.0, "a round has a member with weight");
    std::array<double, sums_per_block> sums;
    std::array<Raw, sums_per_block> raw;
    for (std::size_t begin = 0; begin < count; begin += sums_per_block) {
        const std::size_t size = std::min(sums_per_block, count - begin);
        std::fill_n(sums.begin(), size, 0.0);
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            std::memcpy(raw.data(), inputs[k] + begin * sizeof(Raw), size * sizeof(Raw));
            const double weight = weights[k];
            for (std::size_t i = 0; i < size; ++i) {
                sums[i] += weight * Type::read(raw[i]);
            }
        }
        for (std::size_t i = 0; i < size; ++i) {
            raw[i] = Type::write(sums[i] / total);
        }
        std::memcpy(out + begin * sizeof(Raw), raw.data(), size * sizeof(Raw));
    }
}

void mean_by_type(DType dtype, std::span<const std::byte* const> inputs,
                  std::span<const double> weights, std::byte* out, std::size_t count) {
    switch (dtype) {
        case DType::f32:
            return mean_of<F32>(inputs, weights, out, count);
        case DType::f64:
            return mean_of<F64>(inputs, weights, out, count);
        case DType::f16:
            return mean_of<F16>(inputs, weights, out, count);
        case DType::bf16:
            return mean_of<BF16>(inputs, weights, out, count);
        case DType::i8:
        case DType::u8:
        case DType::i16:
        case DType::i32:
        case DType::i64:
            std::memcpy(out, inputs[0], count * element_bytes(dtype));
            return;
    }
}

}  // namespace

std::string_view to_string(MergeRule rule) {
    switch (rule) {
        case MergeRule::mean:
            return "mean";
    }
    return "unknown";
}

std::string_view to_string(NonFinitePolicy policy) {
    switch (policy) {
        case NonFinitePolicy::refuse:
            return "refuse";
        case NonFinitePolicy::warn:
            return "warn";
        case NonFinitePolicy::allow:
            return "allow";
    }
    return "unknown";
}

Result<NonFinitePolicy> parse_non_finite_policy(std::string_view text) {
    for (const NonFinitePolicy policy :
         {NonFinitePolicy::refuse, NonFinitePolicy::warn, NonFinitePolicy::allow}) {
        if (text == to_string(policy)) {
            return policy;
        }
    }
    return Error{Errc::usage, "'" + std::string(text.substr(0, 32)) +
                                  "' is no policy for values that are not finite: one of refuse, "
                                  "warn, allow"};
}

void weighted_mean(std::span<const float* const> inputs, std::span<const double> weights,
                   std::span<float> out) {
    STARLING_INVARIANT(!inputs.empty() && inputs.size() == weights.size(),
                       "a weight for each input");
    std::vector<const std::byte*> bytes;
    for (const float* input : inputs) {
        bytes.push_back(reinterpret_cast<const std::byte*>(input));
    }
    mean_of<F32>(bytes, weights, reinterpret_cast<std::byte*>(out.data()), out.size());
}

namespace {

/// \pre contributions are of one size, and not phantoms
Blob merge_bytes(const MergeWork& work) {
    const std::size_t size = work.contributions.front().size();
    Bytes merged(size);
    const std::vector<double> weights(work.weights.begin(), work.weights.end());
    std::vector<const std::byte*> inputs(work.contributions.size());
    const std::uint64_t segment_begin = work.segment * segment_bytes;
    for (const TensorSpec& tensor : work.layout->tensors()) {
        const std::uint64_t begin = std::max(segment_begin, tensor.offset_bytes);
        const std::uint64_t end =
            std::min(segment_begin + size, tensor.offset_bytes + tensor.size_bytes());
        if (begin >= end) {
            continue;
        }
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            inputs[k] = work.contributions[k].view().data() + (begin - segment_begin);
        }
        mean_by_type(tensor.dtype, inputs, weights, merged.data() + (begin - segment_begin),
                     (end - begin) / element_bytes(tensor.dtype));
    }
    return Blob(std::move(merged));
}

/// The contributions but those at `left_out`, which ascends.
MergeWork without(const MergeWork& work, const std::vector<std::uint32_t>& left_out) {
    MergeWork rest{work.layout, work.segment, work.rule, {}, {}, work.non_finite};
    for (std::uint32_t k = 0; k < work.contributions.size(); ++k) {
        if (!std::binary_search(left_out.begin(), left_out.end(), k)) {
            rest.contributions.push_back(work.contributions[k]);
            rest.weights.push_back(work.weights[k]);
        }
    }
    return rest;
}

}  // namespace

MergeResult merge_segment(const MergeWork& work) {
    STARLING_INVARIANT(
        !work.contributions.empty() && work.contributions.size() == work.weights.size(),
        "a weight for each contribution, and at least one");
    const std::size_t size = work.contributions.front().size();
    for (const Blob& contribution : work.contributions) {
        STARLING_INVARIANT(contribution.size() == size,
                           "the exchange takes segments of this size only");
        if (contribution.is_phantom()) {
            return {work.segment, Blob::phantom(size), {}};
        }
    }
    MergeResult result{work.segment, merge_bytes(work), {}};
    if (work.non_finite == NonFinitePolicy::allow ||
        !holds_non_finite(*work.layout, work.segment, result.merged)) {
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
        result.merged = merge_bytes(without(work, result.non_finite));
    }
    return result;
}

}  // namespace starling
