#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "core/base/time.hpp"

namespace starling {

/// How often a leader sends a follower the same records again. libraft sends all that a follower
/// has not acknowledged (up to 4,096 records) with each heartbeat, however long it acknowledges
/// nothing: one that lies, or is behind a slow link that is busy with the first copy, would cost
/// megabytes a heartbeat. Here the time between two copies doubles, up to 10 s, until a record is
/// acknowledged. A follower that answers after a silence is sent a copy at once: it may have lost
/// the one before with its connection.
class RepeatedAppends {
public:
    enum class Verdict : std::uint8_t {
        first,     ///< other records than in the last append: to be sent in whole
        repeat,    ///< the same ones, and due again
        withhold,  ///< the same ones, and not due: an append without records is sent
    };

    explicit RepeatedAppends(SwarmDuration heartbeat) : heartbeat_(heartbeat) {}

    /// On an append with records to `server`. \param before  the index before its first record
    Verdict judge(SwarmTime now, std::uint64_t server, std::uint64_t before) {
        Sent& sent = sent_[server];
        if (sent.before != before) {
            sent = {before, now + heartbeat_, heartbeat_, sent.answered_at};
            return Verdict::first;
        }
        if (now < sent.next) {
            return Verdict::withhold;
        }
        sent.wait = std::min<SwarmDuration>(2 * sent.wait, wait_max);
        sent.next = now + sent.wait;
        return Verdict::repeat;
    }
    void on_answer(SwarmTime now, std::uint64_t server) {
        const auto sent = sent_.find(server);
        if (sent == sent_.end()) {
            return;
        }
        if (now - sent->second.answered_at >= silence) {
            sent->second.next = now;
        }
        sent->second.answered_at = now;
    }
    void clear() { sent_.clear(); }

private:
    static constexpr SwarmDuration wait_max = std::chrono::seconds(10);
    static constexpr SwarmDuration silence = std::chrono::seconds(1);

    struct Sent {
        std::uint64_t before = ~std::uint64_t{0};  ///< at first none
        SwarmTime next{};                          ///< a copy is due
        SwarmDuration wait{};
        SwarmTime answered_at{};  ///< the newest answer to any append
    };

    SwarmDuration heartbeat_;
    std::map<std::uint64_t, Sent> sent_;  ///< by the number of the server
};

}  // namespace starling
