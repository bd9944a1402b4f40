#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.hpp"

namespace starling {

/// Limits log lines per minute and counts those omitted; for events that anyone who reaches the
/// port can cause.
class LineLimit {
public:
    explicit LineLimit(std::uint32_t lines_a_minute) : lines_max_(lines_a_minute) {}

    /// \return  whether to log a line now; if not, it is counted.
    bool take(SwarmTime now) {
        if (now - begin_ >= window && omitted_ == 0) {
            begin_ = now;
            lines_ = 0;
        }
        if (lines_ < lines_max_) {
            ++lines_;
            return true;
        }
        ++omitted_;
        return false;
    }
    /// When to log the number of omitted lines; nothing: there are none.
    std::optional<SwarmTime> due() const {
        return omitted_ > 0 ? std::optional(begin_ + window) : std::nullopt;
    }
    /// The number of omitted lines. Starts the next minute.
    std::uint64_t take_omitted(SwarmTime now) {
        const std::uint64_t count = omitted_;
        begin_ = now;
        lines_ = 0;
        omitted_ = 0;
        return count;
    }

private:
    static constexpr SwarmDuration window = std::chrono::minutes(1);

    std::uint32_t lines_max_;
    std::uint32_t lines_ = 0;
    std::uint64_t omitted_ = 0;
    SwarmTime begin_{};
};

}  // namespace starling
