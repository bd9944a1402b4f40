#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "core/base/time.hpp"

namespace starling {

/// How often a leader sends a follower the same records again. libraft sends all that a follower
/// has not acknowledged (up to 4,096 records) with each heartbeat, however long it acknowledges
/// nothing: one that lies, or is behind a slow link that is busy with the first copy, would cost
/// megabytes a heartbeat. Here the time between two copies doubles from one heartbeat to 10 s,
/// until a record is acknowledged. A follower that answers after a silence of half that time is
/// sent a copy at once: it may have lost the one before with its connection.
class RepeatedAppends {
public:
    enum class Verdict : std::uint8_t {
        first,     ///< it begins with a later record than the last one: to be sent in whole
        repeat,    ///< it does not, and a copy is due
        withhold,  ///< it does not, and none is due: an append without records is sent
    };

    explicit RepeatedAppends(SwarmDuration heartbeat) : heartbeat_(heartbeat) {}

    /// On an append with records to `server`. \param before  the index before its first record
    Verdict judge(SwarmTime now, std::uint64_t server, std::uint64_t before) const {
        const auto known = sent_.find(server);
        if (known == sent_.end() || before > known->second.before) {
            return Verdict::first;
        }
        // An earlier start is the answer to a rejection, and has a few records only.
        const bool is_due = before < known->second.before || now >= known->second.next;
        return is_due ? Verdict::repeat : Verdict::withhold;
    }
    /// It was sent, with at least one record.
    void on_sent(SwarmTime now, std::uint64_t server, std::uint64_t before) {
        const auto [known, is_new] = sent_.try_emplace(server);
        Sent& sent = known->second;
        sent.wait = is_new || before > sent.before
                        ? heartbeat_
                        : std::min<SwarmDuration>(2 * sent.wait, wait_max);
        sent.before = before;
        sent.next = now + sent.wait - heartbeat_ / 2;  // heartbeats are not exactly on time
    }
    void on_answer(SwarmTime now, std::uint64_t server) {
        const auto known = sent_.find(server);
        if (known == sent_.end()) {
            return;
        }
        Sent& sent = known->second;
        if (now - sent.answered_at >= std::max<SwarmDuration>(silence_min, sent.wait / 2)) {
            sent.next = now;
        }
        sent.answered_at = now;
    }
    void clear() { sent_.clear(); }

private:
    static constexpr SwarmDuration wait_max = std::chrono::seconds(10);
    static constexpr SwarmDuration silence_min = std::chrono::seconds(1);

    struct Sent {
        std::uint64_t before = 0;  ///< of the newest append with records
        SwarmTime next{};          ///< a copy is due
        SwarmDuration wait{};
        SwarmTime answered_at{};  ///< the newest answer to any append
    };

    SwarmDuration heartbeat_;
    std::map<std::uint64_t, Sent> sent_;  ///< by the number of the server
};

}  // namespace starling
