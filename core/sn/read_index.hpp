#pragma once

#include <map>
#include <optional>
#include <set>

#include "core/ledger/consensus.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// Linearizable reads without entries: the read index of Raft (Ongaro 2014, section 6.4). An SN
/// asks the leader for its commit index; the leader answers once a majority has confirmed that its
/// term is still the newest; the read is answered when the entries up to that index are applied
/// here.
class ReadIndexes {
public:
    explicit ReadIndexes(NodeId self) : self_(std::move(self)) {}

    /// A node's newest read replaces its previous one, so pending reads are bounded by connected
    /// nodes.
    void take(const NodeId& from, const SubmitCommand& submit) {
        reads_[from] = {submit.sequence, ++serial_, std::nullopt};
    }
    void forget(const NodeId& node) { reads_.erase(node); }
    /// Requests an index from the leader for the pending reads. Repeated with each tick: the
    /// request may be lost, or there was no leader.
    void request(const Consensus& consensus, Outbox& out);
    /// After each step, unless a round of confirmations is under way at the leader.
    void settle(const Consensus& consensus, Outbox& out) {
        if (!round_ || !consensus.leads()) {
            check_term(consensus, out);
        }
    }
    /// \pre  `from` keeps the ledger
    void on_message(const NodeId& from, const ReadIndex& read, const Consensus& consensus,
                    Outbox& out);
    /// Answers the reads whose index is applied.
    void answer(std::uint64_t applied, Outbox& out);

private:
    /// Of a node that is connected here.
    struct Read {
        std::uint64_t sequence = 0;
        std::uint64_t serial = 0;
        std::optional<std::uint64_t> index;  ///< up to which the ledger must be applied
    };
    /// On the leader: a round of confirmations that the voters are still in its term.
    struct Round {
        std::uint64_t term = 0;
        std::uint64_t serial = 0;
        std::uint64_t index = 0;
        std::map<NodeId, std::uint64_t> requested;  ///< by SN: its newest read when the round began
        std::set<NodeId> confirmed;
    };

    void check_term(const Consensus& consensus, Outbox& out);
    void end_round_if_confirmed(const Consensus& consensus, Outbox& out);
    void take_index(std::uint64_t serial, std::uint64_t index);

    NodeId self_;
    std::map<NodeId, Read> reads_;               ///< not answered yet
    std::map<NodeId, std::uint64_t> requested_;  ///< on the leader, by SN: for the next round
    std::optional<Round> round_;                 ///< only while this SN leads, in its term
    std::uint64_t serial_ = 0;  ///< the newest given to a read or a round; never given twice
};

}  // namespace starling
