#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/hasher.hpp"
#include "core/base/result.hpp"
#include "core/params/segments.hpp"

namespace starling {

/// Type of a tensor's elements. Travels on the wire: do not renumber.
enum class DType : std::uint8_t {
    f32 = 1,
    f64 = 2,
    f16 = 3,
    bf16 = 4,
    i8 = 5,
    u8 = 6,
    i16 = 7,
    i32 = 8,
    i64 = 9
};

std::size_t element_bytes(DType dtype);
/// The names of the safetensors format: "F32", "BF16", "I64", ...
std::string_view to_string(DType dtype);
Result<DType> parse_dtype(std::string_view text);
/// Averaged when merged. Integer tensors are counters: they are taken from the lowest node id.
inline bool is_floating(DType dtype) { return dtype <= DType::bf16; }

/// One tensor of a model: what the program calls it, and its place in the parameter vector.
struct TensorSpec {
    std::string name;  ///< at most 256 bytes
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;  ///< up to 8 dimensions, each >= 0; empty = scalar
    std::uint64_t offset_bytes = 0;   ///< set by ParamLayout

    std::uint64_t element_count() const;
    std::uint64_t size_bytes() const { return element_count() * element_bytes(dtype); }
};

/// Names, types and shapes of all tensors of a model, and where each stands in one contiguous run
/// of bytes. Tensors stand in order of falling element size, then in the order given; so there are
/// no gaps, every element is aligned to its own size, and the run is the data section of a
/// safetensors file as it is.
class ParamLayout {
public:
    static constexpr std::size_t tensors_max = 65'536;
    static constexpr std::uint64_t bytes_max = std::uint64_t{1} << 40U;

    /// Of a segment. Only phantoms have larger ones than 256 KiB (MlSession refuses others): a
    /// frame's body has at most 1 MiB.
    static constexpr std::uint64_t segment_bytes_max = std::uint64_t{64} << 20U;

    ParamLayout() = default;
    /// \param each  bytes of a segment: a multiple of 256 KiB, at most segment_bytes_max.
    ///     Larger ones than that are for simulated swarms of thousands: each costs several messages
    ///     a member and round.
    /// Errc::malformed: a name twice, a negative or too large shape, too many tensors.
    static Result<ParamLayout> make(std::vector<TensorSpec> tensors,
                                    std::uint64_t each = starling::segment_bytes);

    std::span<const TensorSpec> tensors() const { return tensors_; }
    std::uint64_t size_bytes() const { return size_bytes_; }
    std::uint64_t element_count() const { return element_count_; }
    std::uint64_t segment_bytes() const { return segment_bytes_; }  ///< of all but the last one
    std::uint32_t segment_count() const {
        return starling::segment_count(size_bytes_, segment_bytes_);
    }
    std::uint64_t segment_size(std::uint32_t segment) const {
        return starling::segment_size(size_bytes_, segment, segment_bytes_);
    }

    /// One line a tensor: `name dtype d0,d1,...\n`; before them `#segments bytes\n` if they are not
    /// of the usual size. What two layouts are compared by.
    const std::string& text() const { return text_; }
    static Result<ParamLayout> parse(std::string_view text);

    /// "6 tensors, 328586 parameters, 1314344 bytes".
    std::string summary() const;

private:
    std::vector<TensorSpec> tensors_;
    std::uint64_t size_bytes_ = 0;
    std::uint64_t element_count_ = 0;
    std::uint64_t segment_bytes_ = starling::segment_bytes;
    std::string text_;
};

/// SHA-256 of the layout's text.
Digest fingerprint(const ParamLayout& layout, const Hasher& hasher);

/// Where two layouts part, for a person: "tensor 3: 'fc.weight' F32 10,32768 against 'fc.weight'
/// F32 10,8192".
std::string first_difference(const ParamLayout& ours, const ParamLayout& theirs);

}  // namespace starling
