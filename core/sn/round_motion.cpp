#include "core/sn/round_motion.hpp"

#include <algorithm>

namespace starling {
namespace {

/// A round stands still once no byte of any of its members' segments has come for so long, on fast
/// links.
constexpr SwarmDuration shortest_standstill = std::chrono::seconds(15);
/// Bytes of a segment are seen in steps of a TLS record (RFC 8446, section 5.1), of so many senders
/// at once (the window of an owner) all at the same time in the worst case.
constexpr double step_bytes = 16'384;
constexpr std::size_t senders_at_once = 64;
constexpr SwarmDuration stall_log_interval = std::chrono::minutes(1);

}  // namespace

SwarmDuration standstill_of(const Contract& contract, const RoundMotion& motion) {
    const auto senders = static_cast<double>(std::min(contract.frozen.size() - 1, senders_at_once));
    const double step =  // of a small model all comes at once
        std::min(step_bytes, static_cast<double>(contract.config.layout_bytes));
    const SwarmDuration expected =
        motion.moved ? 2 * motion.longest_gap
                     : from_seconds(1.5 * senders * step /
                                    static_cast<double>(contract.config.slowest_link));
    return std::clamp<SwarmDuration>(expected, shortest_standstill, longest_silence);
}

void RoundMotions::begin_attempt(const std::string& contract, SwarmTime now) {
    RoundMotion& motion = motions_[contract];
    motion.began_at = now;
    motion.longest_gap = {};
    motion.moved = false;
}

bool RoundMotions::note(const RoundKey& key, bool on, std::optional<std::uint64_t> before,
                        std::uint64_t received, SwarmTime now) {
    RoundMotion& motion = motions_[key.contract];
    const bool more = on && received > before.value_or(0);
    if (more) {
        const SwarmDuration gap = now - std::max(motion.moved_at, motion.began_at);
        motion.longest_gap = before ? std::max(motion.longest_gap, gap) : motion.longest_gap;
        motion.moved = true;
    }
    const bool changed = on && (motion.key != key || more);
    if (changed) {
        motion.moved_at = now;
        motion.key = key;
    }
    return changed;
}

bool RoundMotions::show(const RoundKey& key, SwarmTime now) {
    RoundMotion& motion = motions_[key.contract];
    if (motion.shown == key && now - motion.shown_at < stall_log_interval) {
        return false;
    }
    motion.shown = key;
    motion.shown_at = now;
    return true;
}

}  // namespace starling
