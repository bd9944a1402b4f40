#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.hpp"

namespace starling {

/// So many log lines a minute; the others are counted. For what strangers can cause as often as
/// they like.
class LineLimit {
public:
    explicit LineLimit(std::uint32_t lines_a_minute) : lines_max_(lines_a_minute) {}

    /// There is something to log. \return  whether to do so; if not, it is counted.
    bool take(SwarmTime now) {
        if (now - begin_ >= window && more_ == 0) {
            begin_ = now;
            lines_ = 0;
        }
        if (lines_ < lines_max_) {
            ++lines_;
            return true;
        }
        ++more_;
        return false;
    }
    /// When to log how many were counted; nothing: there are none.
    std::optional<SwarmTime> due() const {
        return more_ > 0 ? std::optional(begin_ + window) : std::nullopt;
    }
    /// How many were counted. The next minute begins.
    std::uint64_t take_count(SwarmTime now) {
        const std::uint64_t count = more_;
        begin_ = now;
        lines_ = 0;
        more_ = 0;
        return count;
    }

private:
    static constexpr SwarmDuration window = std::chrono::minutes(1);

    std::uint32_t lines_max_;
    std::uint32_t lines_ = 0;
    std::uint64_t more_ = 0;
    SwarmTime begin_{};
};

}  // namespace starling
