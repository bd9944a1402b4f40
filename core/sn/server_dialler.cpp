#include "core/sn/server_dialler.hpp"

#include <algorithm>

namespace starling {

void ServerDialler::dial_later(SwarmTime now, Outbox& out) {
    if (armed_) {
        return;
    }
    // All SNs are started at about the same time, some before others listen.
    armed_ = true;
    backoff_ = std::min<SwarmDuration>(backoff_ * 2 + std::chrono::milliseconds(20), longest_);
    out.set_timer(timer_, now + backoff_);
}

std::string ServerDialler::error_text(const Address& address) const {
    const auto found = errors_.find(address);
    return found == errors_.end() ? "" : " (" + found->second + ")";
}

}  // namespace starling
