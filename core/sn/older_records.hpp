#pragma once

#include <optional>
#include <set>

#include "core/ledger/consensus.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// The records that this SN lacks since it joined with a snapshot: copied from other SNs while it
/// serves, the newest first. Each part is checked before it is kept: its hash chain must end in the
/// link that follows it here, so whoever sends it can't change a record.
class OlderRecords {
public:
    explicit OlderRecords(const Hasher& hasher) : hasher_(hasher) {}

    void begin(const MissingRecords& missing) {
        missing_ = missing;
        total_ = missing.last;
    }
    bool lacking() const { return missing_.last > 0; }
    std::uint64_t missing() const { return missing_.last; }
    std::uint64_t total() const { return total_; }  ///< at this SN's start

    /// Whether an SN should be asked now: nothing is on its way.
    bool may_ask(SwarmTime now) const {
        return lacking() && (!asked_ || now - asked_at_ > answer_limit);
    }
    void ask(const NodeId& node, SwarmTime now, Outbox& out);
    /// SNs are asked in turn: this one was the last.
    const std::optional<NodeId>& asked_last() const { return last_; }
    /// Whether the SN has sent nothing wrong since this one's start.
    bool trusts(const NodeId& node) const { return !refused_.contains(node); }
    void on_peer_lost(const NodeId& node) {
        if (asked_ == node) {
            asked_.reset();
        }
    }

    enum class Answer {
        unasked,  ///< ignored
        none,     ///< the SN has no such records, or not now
        wrong,    ///< the chain of its records does not fit
        kept,
    };
    Answer take(const NodeId& from, RecordsPart part, Outbox& out);

private:
    bool follows(const RecordsPart& part) const;

    /// At 32 kbit/s a part takes 65 s.
    static constexpr SwarmDuration answer_limit = std::chrono::seconds(90);

    const Hasher& hasher_;
    MissingRecords missing_;
    std::uint64_t total_ = 0;
    std::optional<NodeId> asked_;  ///< whose answer is awaited
    std::optional<NodeId> last_;
    std::set<NodeId> refused_;  ///< who sent something wrong
    SwarmTime asked_at_{};
};

}  // namespace starling
