#pragma once

#include <map>
#include <optional>

#include "core/sn/sn_node.hpp"
#include "core/sn/sn_status.hpp"

namespace starling {

/// How long the SN that leads waits for a silent SL, and for one whose connection broke. Both grow
/// with the number of SLs that send heartbeats, whose interval grows (interval_factor).
class Leases {
public:
    explicit Leases(const SnNodeOptions::Limits& limits) : limits_(limits) {}

    /// Counts the SLs that send heartbeats: the connected ones. A new leader does not know all of
    /// these yet, but who has taken part in the runs. Not the names that were registered once:
    /// anybody who may register some would lengthen everybody's lease.
    ///
    /// When they become fewer, leases stay as long until each has heard of that: it may have been
    /// told to be silent for longer than the shorter lease.
    void count(SwarmTime now, const Ledger& ledger, const std::map<NodeId, SnPeer>& peers);
    /// Of an SN that leads or not: an SL has connected to it, or is connected no longer. Counted at
    /// once, since in the first seconds of a large swarm an SN is so busy that it comes to its
    /// timers late, and each SL would go on to send a heartbeat a second.
    void on_connected();
    void on_disconnected() { --here_; }

    /// How many times as long as in a small swarm the interval between an SL's heartbeats is.
    int interval_factor() const { return interval_factor_; }
    /// The same, as the SLs that are connected here are told with the answers to their heartbeats.
    /// No more than what the SN that leads makes leases longer by, since that one counts them, too.
    int factor_of_connected() const { return heartbeat_interval_factor(here_); }

    /// A connected SL that is silent for so long is lost: eight heartbeats, or eight of its longest
    /// pauses up to two minutes, since heartbeats are late on a saturated link. In swarms of more
    /// than 30,000 it is 16 minutes, which are four heartbeats at least.
    SwarmDuration of(const SnPeer& peer) const;
    /// An SL whose connection broke is lost after so long. Longer on slow links, as its frames
    /// show; that heartbeats of large swarms are rare says nothing about a link.
    SwarmDuration time_to_return(const SnPeer& peer) const;
    /// So many SLs have not returned: if they all do, their handshakes come one after the other.
    void set_broken(std::size_t broken) { broken_ = broken; }

    /// Leases are checked rarely in large swarms, but not while an SL is to return.
    SwarmTime set_next_check(SwarmTime now);
    /// A connection broke. \return  whether the next check is to be at next_check() already.
    bool check_sooner(SwarmTime now);
    SwarmTime next_check() const { return next_check_; }

private:
    /// Between two heartbeats in a small swarm.
    SwarmDuration heartbeat() const;

    SnNodeOptions::Limits limits_;
    int interval_factor_ = 1;
    std::optional<SwarmTime> fewer_since_;  ///< there are fewer SLs than interval_factor_ is for
    std::size_t here_ = 0;                  ///< SLs that are connected to this SN
    std::size_t most_here_ = 0;  ///< since they were counted last: some were told accordingly
    std::size_t broken_ = 0;
    SwarmTime next_check_{};
};

}  // namespace starling
