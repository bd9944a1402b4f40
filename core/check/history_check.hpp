#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "core/check/violation.hpp"

namespace starling {

/// The command of a ledger entry, and its result.
struct AppliedCommand {
    NodeId signer;
    std::uint64_t session = 0;  ///< 0: an SN's own, for which no client waits
    std::uint64_t sequence = 0;
    std::uint64_t answer = 0;  ///< an Errc
    std::uint64_t run = 0;
    bool repeated = false;  ///< applied before, so without effect

    friend bool operator==(const AppliedCommand&, const AppliedCommand&) = default;
};

/// Checks that the histories of all clients are linearizable, with the log as witness. An operation
/// takes effect at the index of its entry. This index must be above those of all operations
/// answered before it was sent; its answer must be that of its entry. No command may take effect
/// twice, and none of an older start of a client after one of a later start: this fences off copies
/// with the same identity. Memory: a few words for each start of a client.
class HistoryCheck {
public:
    /// \param clock_error  events of different nodes that are further apart are in order.
    HistoryCheck(Violations& violations, SwarmDuration clock_error)
        : violations_(violations), clock_error_(clock_error) {}

    void on_sent(SwarmTime time, const NodeId& node, std::uint64_t session, std::uint64_t sequence);
    /// A tool's barrier before a read. It has no entry; the read that follows is checked.
    void on_barrier_sent(const NodeId& node, std::uint64_t session) {
        sessions_[{node, session}].reads = true;
    }
    void on_answered(SwarmTime time, const NodeId& node, std::uint64_t session,
                     std::uint64_t sequence, std::uint64_t code, std::uint64_t run);
    /// To be called for the first SN that applies this entry. \param node  that SN.
    void on_applied(SwarmTime time, const NodeId& node, std::uint64_t index,
                    const AppliedCommand& command);
    void on_read_sent(SwarmTime time, const NodeId& node);
    /// \param index  of the ledger's state that was read.
    void on_read_answered(SwarmTime time, const NodeId& node, std::uint64_t index);
    /// Whether some applied entries are in no trace: then a missing event is no violation.
    void set_incomplete(bool incomplete) { incomplete_ = incomplete; }
    bool is_incomplete() const { return incomplete_; }
    /// \param complete_until  until this time the traces contain all entries that the SNs applied.
    /// \return  number of later answers, which are not judged.
    std::uint64_t finish(SwarmTime time, SwarmTime complete_until);

    std::uint64_t operations() const { return operations_; }
    std::uint64_t reads() const { return reads_; }

private:
    struct Answered {
        SwarmTime time;
        std::uint64_t sequence = 0;
        std::uint64_t code = 0;
        std::uint64_t run = 0;
    };
    /// One start of a client, which has one command pending at a time.
    struct Session {
        std::uint64_t sent = 0;     ///< sequence of the newest command
        std::uint64_t floor = 0;    ///< highest index that was answered before it was sent
        std::uint64_t applied = 0;  ///< the newest sequence that took effect
        std::uint64_t index = 0;    ///< its entry
        std::uint64_t answer = 0;
        std::uint64_t run = 0;
        bool reads = false;               ///< a tool's: read barriers have no entry
        std::optional<Answered> waiting;  ///< an answer whose entry has not been seen
    };

    /// The highest index that was certainly answered before `time`.
    std::uint64_t floor_at(SwarmTime time);
    void answered(SwarmTime time, std::uint64_t index);
    void compare(const NodeId& node, const Session& session, const Answered& answer);

    Violations& violations_;
    SwarmDuration clock_error_;
    std::map<std::pair<NodeId, std::uint64_t>, Session> sessions_;
    std::map<NodeId, std::uint64_t> newest_sessions_;    ///< of each client, in the ledger
    std::map<NodeId, std::uint64_t> read_floors_;        ///< of pending reads
    std::map<SwarmTime, std::uint64_t> newly_answered_;  ///< within clock_error_
    std::uint64_t floor_ = 0;
    bool incomplete_ = false;
    std::uint64_t operations_ = 0;
    std::uint64_t reads_ = 0;
};

}  // namespace starling
