#include "sim/round_log.hpp"

#include <algorithm>

namespace starling {

void RoundLog::record_check_in(const NodeId& ml, SwarmTime now) {
    waiting_.get_or_make(ml).since = now;
}

void RoundLog::record_result(const NodeId& ml, Round round, const Digest& digest, SwarmTime now) {
    const Waiting* const waiting = waiting_.find(ml);
    if (waiting == nullptr) {
        return;
    }
    const SwarmTime since = waiting->since;
    const auto [at, fresh] = rounds_.try_emplace(round);
    Entry& entry = at->second;
    entry.first_check_in = fresh ? since : std::min(entry.first_check_in, since);
    entry.last_check_in = std::max(entry.last_check_in, since);
    entry.last_result = now;
    entry.same_digest = fresh || (entry.same_digest && entry.digest == digest);
    entry.digest = digest;
    ++entry.members;
    waiting_.erase(ml);
}

SwarmDuration RoundLog::median_exchange_time() const {
    std::vector<SwarmDuration> times;
    for (const auto& [round, entry] : rounds_) {
        times.push_back(entry.exchange_time());
    }
    if (times.empty()) {
        return SwarmDuration{0};
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

}  // namespace starling
