#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "core/check/violation.hpp"

namespace starling {

/// Which command an entry of the ledger is, and what came of it.
struct AppliedCommand {
    NodeId signer;
    std::uint64_t session = 0;  ///< 0: an SN's own, which nobody waits for
    std::uint64_t sequence = 0;
    std::uint64_t answer = 0;  ///< an Errc
    std::uint64_t run = 0;
    bool repeated = false;  ///< had been applied before: without effect

    friend bool operator==(const AppliedCommand&, const AppliedCommand&) = default;
};

/// Are the histories of all clients linearizable, with the log as their witness? An operation has
/// taken effect at the index of its entry. It must lie behind all that was answered before it was
/// sent; its answer must be that of its entry; and no command may take effect twice, nor one of an
/// older start of a client once a later one has begun: with a copied identity that is the fence.
/// Memory: a few words for each start of a client.
class HistoryCheck {
public:
    /// \param clock_error  events of different nodes are in order if so far apart.
    HistoryCheck(Violations& violations, SwarmDuration clock_error)
        : violations_(violations), clock_error_(clock_error) {}

    void on_sent(SwarmTime time, const NodeId& node, std::uint64_t session, std::uint64_t sequence);
    /// A tool's barrier before a read: what it is good for, the read that follows shows.
    void on_barrier_sent(const NodeId& node, std::uint64_t session) {
        sessions_[{node, session}].reads = true;
    }
    void on_answered(SwarmTime time, const NodeId& node, std::uint64_t session,
                     std::uint64_t sequence, std::uint64_t code, std::uint64_t run);
    /// The first SN that applies this entry. \param node  that SN.
    void on_applied(SwarmTime time, const NodeId& node, std::uint64_t index,
                    const AppliedCommand& command);
    void on_read_sent(SwarmTime time, const NodeId& node);
    /// The reader saw the ledger as of this index.
    void on_read_answered(SwarmTime time, const NodeId& node, std::uint64_t index);
    /// There are entries that no trace tells of: what is not seen may have happened.
    void set_silence(bool silence) { silence_ = silence; }
    bool silence() const { return silence_; }
    /// \param told_until  up to here the traces tell all that the SNs applied.
    /// \return  how many answers came later and are not judged.
    std::uint64_t finish(SwarmTime time, SwarmTime told_until);

    std::uint64_t operations() const { return operations_; }
    std::uint64_t reads() const { return reads_; }

private:
    struct Answered {
        SwarmTime time;
        std::uint64_t sequence = 0;
        std::uint64_t code = 0;
        std::uint64_t run = 0;
    };
    /// One start of a client: it has one command under way at a time.
    struct Session {
        std::uint64_t sent = 0;     ///< sequence of the newest command
        std::uint64_t floor = 0;    ///< all up to this index had been answered before it was sent
        std::uint64_t applied = 0;  ///< the newest sequence that took effect
        std::uint64_t index = 0;    ///< where it did
        std::uint64_t answer = 0;
        std::uint64_t run = 0;
        bool reads = false;               ///< a tool's: a read barrier is no entry
        std::optional<Answered> waiting;  ///< an answer whose entry was not seen yet
    };

    /// The newest index that was answered, for certain, before `time`.
    std::uint64_t floor_at(SwarmTime time);
    void answered(SwarmTime time, std::uint64_t index);
    void compare(const NodeId& node, const Session& session, const Answered& answer);

    Violations& violations_;
    SwarmDuration clock_error_;
    std::map<std::pair<NodeId, std::uint64_t>, Session> sessions_;
    std::map<NodeId, std::uint64_t> newest_sessions_;  ///< of each client, as the ledger has it
    std::map<NodeId, std::uint64_t> read_floors_;
    std::map<SwarmTime, std::uint64_t> newly_answered_;  ///< not certain yet
    std::uint64_t floor_ = 0;
    bool silence_ = false;
    std::uint64_t operations_ = 0;
    std::uint64_t reads_ = 0;
};

}  // namespace starling
