#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace starling {

/// In decimal notation, rounded: decimal_text(1.25, 1) is "1.2".
inline std::string decimal_text(double value, int decimals) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return text.data();
}

/// For a person: "0 B", "819 kB", "1.2 MB"; 1 kB is 1000 bytes.
/// \param decimals  of a value under 10 of its unit.
inline std::string size_text(std::uint64_t bytes, int decimals = 1) {
    constexpr std::array<const char*, 5> units = {"B", "kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000.0;
        ++unit;
    }
    return decimal_text(value, unit > 0 && value < 9.95 ? decimals : 0) + " " + units[unit];
}

}  // namespace starling
