#include "core/base/start_text.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace starling {

std::string start_text(std::uint64_t session) {
    using namespace std::chrono;
    // Hosts number their starts by nanoseconds since 1970: here from September 2001 to March 2255.
    // Other numbers are the counters of a simulation.
    constexpr std::uint64_t first = 1'000'000'000'000'000'000;
    constexpr std::uint64_t last = 9'000'000'000'000'000'000;
    if (session < first || session > last) {
        return "start number " + std::to_string(session);
    }
    const sys_seconds time{seconds(session / 1'000'000'000)};
    const sys_days day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss<seconds> clock(time - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d UTC",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

std::string replaced_text(const NodeId& node, const std::string& address,
                          std::uint64_t newer_session) {
    return "replaced by a start of '" + node.name + "' at " + address + ", " +
           start_text(newer_session) +
           ": two copies of one node were started. Stop the unwanted one, and restart the "
           "other one";
}

}  // namespace starling
