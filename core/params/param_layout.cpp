#include "core/params/param_layout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace starling {
namespace {

struct DTypeRow {
    DType dtype;
    std::size_t bytes;
    std::string_view name;
};
constexpr std::array<DTypeRow, 9> dtypes = {{{DType::f32, 4, "F32"},
                                             {DType::f64, 8, "F64"},
                                             {DType::f16, 2, "F16"},
                                             {DType::bf16, 2, "BF16"},
                                             {DType::i8, 1, "I8"},
                                             {DType::u8, 1, "U8"},
                                             {DType::i16, 2, "I16"},
                                             {DType::i32, 4, "I32"},
                                             {DType::i64, 8, "I64"}}};

const DTypeRow& row_of(DType dtype) {
    for (const DTypeRow& row : dtypes) {
        if (row.dtype == dtype) {
            return row;
        }
    }
    STARLING_INVARIANT(false, "a DType is made by parse_dtype or in code, never cast");
}

std::string shape_text(const TensorSpec& tensor) {
    if (tensor.shape.empty()) {
        return "scalar";
    }
    std::string text;
    for (const std::int64_t size : tensor.shape) {
        text += (text.empty() ? "" : ",") + std::to_string(size);
    }
    return text;
}

std::string describe(const TensorSpec& tensor) {
    return "'" + tensor.name + "' " + std::string(to_string(tensor.dtype)) + " " +
           shape_text(tensor);
}

constexpr std::string_view segments_line = "#segments ";

Error malformed(std::string what) { return Error{Errc::malformed, "layout: " + std::move(what)}; }

/// Errc::malformed if the tensor alone is not acceptable.
Result<void> check_tensor(const TensorSpec& tensor) {
    const bool printable = std::all_of(tensor.name.begin(), tensor.name.end(),
                                       [](char c) { return c > ' ' && c < 127; });
    if (tensor.name.empty() || tensor.name.size() > 256 || !printable) {
        return malformed("a tensor's name must have 1 to 256 printable characters without blanks");
    }
    if (tensor.shape.size() > 8) {
        return malformed("tensor '" + tensor.name + "' has more than 8 dimensions");
    }
    std::uint64_t elements = 1;
    for (const std::int64_t size : tensor.shape) {
        if (size < 0) {
            return malformed("tensor '" + tensor.name + "' has a negative dimension");
        }
        if (size != 0 && elements > ParamLayout::bytes_max / static_cast<std::uint64_t>(size)) {
            return malformed("tensor '" + tensor.name + "' is too large");
        }
        elements *= static_cast<std::uint64_t>(size);
    }
    return {};
}

Result<TensorSpec> parse_line(std::string_view line) {
    TensorSpec tensor;
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) {
        return malformed("a line is not 'name dtype shape'");
    }
    tensor.name = std::string(line.substr(0, first));
    const Result<DType> dtype = parse_dtype(line.substr(first + 1, second - first - 1));
    if (!dtype) {
        return dtype.error();
    }
    tensor.dtype = *dtype;
    std::string_view shape = line.substr(second + 1);
    while (shape != "scalar") {
        std::int64_t size = 0;
        const auto [end, error] = std::from_chars(shape.data(), shape.data() + shape.size(), size);
        if (error != std::errc{} || tensor.shape.size() == 8) {
            return malformed("tensor '" + tensor.name.substr(0, 64) + "' has no valid shape");
        }
        tensor.shape.push_back(size);
        shape.remove_prefix(static_cast<std::size_t>(end - shape.data()));
        if (shape.empty()) {
            break;
        }
        if (shape.front() != ',') {
            return malformed("tensor '" + tensor.name.substr(0, 64) + "' has no valid shape");
        }
        shape.remove_prefix(1);
    }
    return tensor;
}

}  // namespace

std::size_t element_bytes(DType dtype) { return row_of(dtype).bytes; }
std::string_view to_string(DType dtype) { return row_of(dtype).name; }

Result<DType> parse_dtype(std::string_view text) {
    for (const DTypeRow& row : dtypes) {
        if (row.name == text) {
            return row.dtype;
        }
    }
    return Error{Errc::malformed, "unknown element type '" + std::string(text.substr(0, 16)) + "'"};
}

std::uint64_t TensorSpec::element_count() const {
    std::uint64_t count = 1;
    for (const std::int64_t size : shape) {
        count *= static_cast<std::uint64_t>(size);
    }
    return count;
}

Result<ParamLayout> ParamLayout::make(std::vector<TensorSpec> tensors, std::uint64_t each) {
    if (each == 0 || each % starling::segment_bytes != 0 || each > segment_bytes_max) {
        return malformed("segments of " + std::to_string(each) + " bytes");
    }
    if (tensors.size() > tensors_max) {
        return malformed("more than " + std::to_string(tensors_max) + " tensors");
    }
    std::set<std::string_view> names;
    for (const TensorSpec& tensor : tensors) {
        const Result<void> checked = check_tensor(tensor);
        if (!checked) {
            return checked.error();
        }
        if (!names.insert(tensor.name).second) {
            return malformed("two tensors are named '" + tensor.name + "'");
        }
    }
    std::stable_sort(tensors.begin(), tensors.end(), [](const TensorSpec& a, const TensorSpec& b) {
        return element_bytes(a.dtype) > element_bytes(b.dtype);
    });
    ParamLayout layout;
    layout.segment_bytes_ = each;
    if (each != starling::segment_bytes) {
        layout.text_ = std::string(segments_line) + std::to_string(each) + "\n";
    }
    for (TensorSpec& tensor : tensors) {
        tensor.offset_bytes = layout.size_bytes_;
        layout.size_bytes_ += tensor.size_bytes();
        layout.element_count_ += tensor.element_count();
        if (layout.size_bytes_ > bytes_max) {
            return malformed("more than " + std::to_string(bytes_max) + " bytes of parameters");
        }
        layout.text_ += tensor.name + " " + std::string(to_string(tensor.dtype)) + " " +
                        shape_text(tensor) + "\n";
    }
    layout.tensors_ = std::move(tensors);
    return layout;
}

Result<ParamLayout> ParamLayout::parse(std::string_view text) {
    std::vector<TensorSpec> tensors;
    std::uint64_t each = starling::segment_bytes;
    // No tensor's line: that has two blanks.
    if (const std::size_t end = text.find('\n'); text.starts_with(segments_line) &&
                                                 end != std::string_view::npos &&
                                                 text.find(' ', segments_line.size()) > end) {
        const char* const first = text.data() + segments_line.size();
        const auto [last, error] = std::from_chars(first, text.data() + end, each);
        if (error != std::errc{} || last != text.data() + end) {
            return malformed("the size of segments is not a number");
        }
        text.remove_prefix(end + 1);
    }
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos || tensors.size() == tensors_max) {
            return malformed("truncated, or too many tensors");
        }
        Result<TensorSpec> tensor = parse_line(text.substr(0, end));
        if (!tensor) {
            return tensor.error();
        }
        tensors.push_back(std::move(*tensor));
        text.remove_prefix(end + 1);
    }
    return make(std::move(tensors), each);
}

std::string ParamLayout::summary() const {
    return std::to_string(tensors_.size()) + " tensors, " + std::to_string(element_count_) +
           " parameters, " + std::to_string(size_bytes_) + " bytes";
}

Digest fingerprint(const ParamLayout& layout, const Hasher& hasher) {
    return hasher.digest(std::as_bytes(std::span(layout.text())));
}

std::string first_difference(const ParamLayout& ours, const ParamLayout& theirs) {
    const auto a = ours.tensors();
    const auto b = theirs.tensors();
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        if (describe(a[i]) != describe(b[i])) {
            return "tensor " + std::to_string(i) + ": " + describe(a[i]) + " against " +
                   describe(b[i]);
        }
    }
    if (a.size() != b.size()) {
        const auto& longer = a.size() > b.size() ? a : b;
        const std::size_t i = std::min(a.size(), b.size());
        return "tensor " + std::to_string(i) + ": " +
               (a.size() > b.size() ? describe(longer[i]) + " against none"
                                    : "none against " + describe(longer[i]));
    }
    return ours.segment_bytes() == theirs.segment_bytes()
               ? "no difference"
               : "segments of " + std::to_string(ours.segment_bytes()) + " bytes against " +
                     std::to_string(theirs.segment_bytes());
}

}  // namespace starling
