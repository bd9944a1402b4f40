#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "core/base/time.hpp"

namespace starling {

/// How long hosts were off.
class OffTimes {
public:
    void changed(SwarmTime now, const std::string& host, bool on) {
        Off& entry = hosts_[host];
        if (on && entry.since <= now) {
            entry.before += now - entry.since;
        }
        entry.since = on ? SwarmTime::max() : std::min(entry.since, now);
    }
    /// Until `end`.
    SwarmDuration of(const std::string& host, SwarmTime end) const {
        const auto found = hosts_.find(host);
        if (found == hosts_.end()) {
            return SwarmDuration{0};
        }
        const Off& entry = found->second;
        return entry.before + (entry.since < end ? end - entry.since : SwarmDuration{0});
    }

private:
    struct Off {
        SwarmDuration before{0};
        SwarmTime since = SwarmTime::max();  ///< max: it is on
    };
    std::map<std::string, Off> hosts_;
};

}  // namespace starling
