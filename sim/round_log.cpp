#include "sim/round_log.hpp"

#include <algorithm>

namespace starling {

void RoundLog::record_result(const NodeId& ml, Round round, const Digest& digest, SwarmTime now) {
    const auto since = waiting_since_.find(ml);
    if (since == waiting_since_.end()) {
        return;
    }
    const auto [at, fresh] = rounds_.try_emplace(round);
    Entry& entry = at->second;
    entry.first_check_in = fresh ? since->second : std::min(entry.first_check_in, since->second);
    entry.last_check_in = std::max(entry.last_check_in, since->second);
    entry.last_result = now;
    entry.same_digest = fresh || (entry.same_digest && entry.digest == digest);
    entry.digest = digest;
    ++entry.members;
    waiting_since_.erase(since);
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
