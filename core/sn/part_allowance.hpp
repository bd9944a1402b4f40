#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/time.hpp"

namespace starling {

/// How many parts of the ledger another SN is sent: at most 200 a second, 50 MB, since it may ask
/// without reading the answers. An SN that copies the ledger asks for one at a time.
class PartAllowance {
public:
    bool take(SwarmTime now) {
        const auto earned = static_cast<std::int64_t>((now - counted_at_) / interval);
        if (earned > 0) {
            parts_ = std::min<std::int64_t>(parts_ + std::min(earned, parts_max), parts_max);
            counted_at_ = now;
        }
        return parts_ > 0 && parts_-- > 0;
    }

private:
    static constexpr SwarmDuration interval = std::chrono::milliseconds(5);
    static constexpr std::int64_t parts_max = 16;

    SwarmTime counted_at_{};
    std::int64_t parts_ = parts_max;
};

}  // namespace starling
