#include "core/merge/compression.hpp"

#include <charconv>

#include "core/base/invariant.hpp"

namespace starling {
namespace {

constexpr std::string_view fraction_prefix = "top-k:fraction=";

/// The shortest text that reads back as the same number.
std::string fraction_text(double fraction) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, fraction).ptr;
    return std::string(text, end);
}

}  // namespace

bool is_valid(const CompressionMethod& method) {
    if (method.kind > Compression::top_k) {
        return false;
    }
    return method.kind != Compression::top_k || (method.fraction > 0.0 && method.fraction <= 1.0);
}

Result<CompressionMethod> parse_compression(std::string_view text) {
    for (const Compression kind :
         {Compression::none, Compression::f16, Compression::bf16, Compression::int8}) {
        const CompressionMethod method{.kind = kind};
        if (text == to_string(method)) {
            return method;
        }
    }
    CompressionMethod method{.kind = Compression::top_k};
    if (text == "top-k") {
        return method;
    }
    if (text.starts_with(fraction_prefix)) {
        const std::string_view number = text.substr(fraction_prefix.size());
        const char* const last = number.data() + number.size();
        const auto [end, error] = std::from_chars(number.data(), last, method.fraction);
        if (error == std::errc() && end == last && is_valid(method)) {
            return method;
        }
        return Error{Errc::usage, "the fraction of top-k is a number over 0 and at most 1, not '" +
                                      std::string(number.substr(0, 32)) + "'"};
    }
    return Error{Errc::usage, "'" + std::string(text.substr(0, 32)) +
                                  "' is not a compression: one of none, f16, bf16, int8, "
                                  "top-k:fraction=0.01"};
}

std::string to_string(const CompressionMethod& method) {
    switch (method.kind) {
        case Compression::none:
            return "none";
        case Compression::f16:
            return "f16";
        case Compression::bf16:
            return "bf16";
        case Compression::int8:
            return "int8";
        case Compression::top_k:
            return std::string(fraction_prefix) + fraction_text(method.fraction);
    }
    STARLING_INVARIANT(false, "kinds that do not exist are refused when they are decoded");
}

}  // namespace starling
