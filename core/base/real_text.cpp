#include "core/base/real_text.hpp"

#include <charconv>
#include <cmath>

namespace starling {

std::string real_text(double value) {
    if (std::isnan(value)) {
        return "nan";  // without a sign, which means nothing
    }
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::optional<double> real_in(std::string_view text) {
    double value = 0.0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    return text.empty() || error != std::errc{} || end != last ? std::nullopt
                                                               : std::optional(value);
}

}  // namespace starling
