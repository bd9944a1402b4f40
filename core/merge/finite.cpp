#include "core/merge/finite.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/choice.hpp"
#include "core/merge/element_types.hpp"
#include "core/merge/kernels/merge_kernels.hpp"
#include "core/params/segment_parts.hpp"

namespace starling {
namespace {

/// Of 2^1000, from which on a weighted sum may overflow: all weights together are below 2^24. Sums
/// of the other types, which are made in f64, can't.
constexpr std::uint64_t too_large_f64_exponent = std::uint64_t{1023 + 1000} << 52U;

bool any_non_finite(DType dtype, const std::byte* data, std::size_t count) {
    const ExponentKernels& kernels = merge_kernels().exponents;
    switch (dtype) {
        case DType::f32:
            return kernels.of_32_bits(data, count, 0x7f80'0000U, 0x7f80'0000U);
        case DType::f64:
            return kernels.of_64_bits(data, count, 0x7ff0'0000'0000'0000U, too_large_f64_exponent);
        case DType::f16:
            return kernels.of_16_bits(data, count, 0x7c00U, 0x7c00U);
        case DType::bf16:
            return kernels.of_16_bits(data, count, 0x7f80U, 0x7f80U);
        case DType::i8:
        case DType::u8:
        case DType::i16:
        case DType::i32:
        case DType::i64:
            return false;
    }
    return false;
}

const TensorSpec* first_non_finite(const ParamLayout& layout, std::uint32_t segment,
                                   ByteView bytes) {
    const TensorSpec* found = nullptr;
    for_each_part(layout, segment, [&](const SegmentPart& part) {
        if (found == nullptr &&
            any_non_finite(part.tensor.dtype, bytes.data() + part.offset, part.count())) {
            found = &part.tensor;
        }
    });
    return found;
}
const TensorSpec* first_non_finite(const ParamLayout& layout, std::uint32_t segment,
                                   const Blob& body) {
    const bool fits = !body.is_phantom() && segment < layout.segment_count() &&
                      body.size() == layout.segment_size(segment);
    return fits ? first_non_finite(layout, segment, body.view()) : nullptr;
}

template <typename Type>
void make_elements_canonical(std::byte* data, std::size_t count) {
    using Raw = typename Type::Raw;
    const Raw canonical = Type::write(std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < count; ++i) {
        std::byte* const at = data + i * sizeof(Raw);
        Raw raw;
        std::memcpy(&raw, at, sizeof raw);
        if (std::isnan(Type::read(raw))) {
            std::memcpy(at, &canonical, sizeof canonical);
        }
    }
}

}  // namespace

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
    return parse_choice(
        text, std::array{NonFinitePolicy::refuse, NonFinitePolicy::warn, NonFinitePolicy::allow},
        "is not a policy for non-finite values");
}

bool holds_non_finite(const ParamLayout& layout, std::uint32_t segment, const Blob& body) {
    return first_non_finite(layout, segment, body) != nullptr;
}

bool holds_non_finite(const ParamLayout& layout, std::uint32_t segment, ByteView bytes) {
    return first_non_finite(layout, segment, bytes) != nullptr;
}

void make_nan_canonical(const ParamLayout& layout, std::uint32_t segment,
                        std::span<std::byte> bytes) {
    for_each_part(layout, segment, [&](const SegmentPart& part) {
        if (is_floating(part.tensor.dtype)) {
            with_element_type(part.tensor.dtype, [&](auto type) {
                make_elements_canonical<decltype(type)>(bytes.data() + part.offset, part.count());
            });
        }
    });
}

std::optional<std::string> first_non_finite_tensor(const ParamLayout& layout, std::uint32_t segment,
                                                   const Blob& body) {
    const TensorSpec* tensor = first_non_finite(layout, segment, body);
    return tensor == nullptr ? std::nullopt : std::optional(tensor->name);
}

}  // namespace starling
