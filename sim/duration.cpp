#include "sim/duration.hpp"

#include <locale>
#include <sstream>
#include <string_view>
#include <utility>

namespace starling {

std::optional<SwarmDuration> parse_duration(const std::string& text) {
    constexpr std::pair<std::string_view, double> units[] = {
        {"ms", 1e-3}, {"s", 1.0}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}};
    const std::size_t digits = text.find_first_not_of("0123456789.");
    if (digits == 0 || digits == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream number(text.substr(0, digits));
    number.imbue(std::locale::classic());
    double value = 0.0;
    if (!(number >> value) || number.peek() != std::istringstream::traits_type::eof()) {
        return std::nullopt;
    }
    for (const auto& [unit, seconds] : units) {
        if (text.substr(digits) == unit && value * seconds <= 1e9) {
            return from_seconds(value * seconds);
        }
    }
    return std::nullopt;
}

}  // namespace starling
