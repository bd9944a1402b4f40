#pragma once

#include <optional>
#include <utility>

#include "core/ledger/consensus.hpp"

namespace starling {

/// Who leads the ledger, as this SN sees it, and since when. Raft knows the term; what followed
/// from a change of leader here is kept beside it.
class Leadership {
public:
    explicit Leadership(SwarmDuration limit) : limit_(limit) {}

    /// There is a leader: this SN, or another that sent a message.
    void note_seen(SwarmTime now) { seen_ = now; }
    SwarmTime seen_at() const { return seen_; }
    SwarmDuration missing_for(SwarmTime now) const { return now - seen_; }
    /// For longer than an election takes: SLs are sent to another SN.
    bool is_missing(SwarmTime now) const { return missing_for(now) > limit_; }
    /// libraft never drops its leader at a non-voter.
    std::optional<NodeId> shown(const Consensus& consensus, SwarmTime now) const {
        return is_missing(now) ? std::nullopt : consensus.leader();
    }
    /// \return  whether what status answers show has changed.
    bool update_shown(const Consensus& consensus, SwarmTime now);

    enum class Change { none, elected, ended };
    /// Whether this SN has begun or ceased to lead since the last call.
    Change update_own(const Consensus& consensus, SwarmTime now);
    std::uint64_t led_term() const { return led_term_; }  ///< in which it led last
    SwarmTime led_since() const { return led_since_; }

    /// Whether a leader is known that was not known in this term. In a new term libraft still names
    /// the previous term's leader, until it hears of another.
    bool update_known(const Consensus& consensus);

    /// Whether commands that wait are to be sent to this term's leader: once a term, or again after
    /// request_resend().
    bool take_resend(std::uint64_t term) { return std::exchange(resent_term_, term) != term; }
    void request_resend() { resent_term_ = 0; }
    /// Whether this SN has just been taken in, or out, by a log that has a leader.
    bool update_membership(bool is_server) {
        return std::exchange(was_server_, is_server) != is_server;
    }
    /// True once, with the first leader.
    bool take_first() { return !std::exchange(had_one_, true); }

    /// Whether a line about the missing leader is due; then longer and longer until the next one.
    bool take_missing_line(SwarmTime now);
    /// Whether the end of such a time is to be logged.
    bool take_found_line();

private:
    SwarmDuration limit_;          ///< without a leader for longer: it is missing
    SwarmTime seen_{};             ///< when a leader was last known; while this SN leads: now
    std::optional<NodeId> shown_;  ///< as of the last update_shown()
    bool leads_ = false;           ///< as of the last update_own()
    /// The term in which this SN began to lead last, and when; 0: never.
    std::uint64_t led_term_ = 0;
    SwarmTime led_since_{};
    /// The newest leader that update_known() has reported, and the term in which it leads.
    std::optional<NodeId> known_;
    std::uint64_t known_term_ = 0;
    std::uint64_t resent_term_ = 0;  ///< whose leader has got what waits; 0: send to the next one
    bool was_server_ = false;        ///< as of the last update_membership()
    bool had_one_ = false;           ///< a leader was known since the start
    SwarmDuration next_missing_line_{0};  ///< the next line is due after so long without a leader
    bool missing_line_written_ = false;   ///< since there was a leader
};

}  // namespace starling
