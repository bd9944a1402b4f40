#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/lazy_container.hpp"
#include "core/base/random.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// The durable state of a node, in memory; it survives crashes of the node. The newest write is
/// durable after `duration`; a crash before may lose it.
class MemoryStore final : public Store, public ModelStore, public StateStore {
public:
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;
    Result<void> save_snapshot(const Bytes& snapshot) override;
    /// A record that is missing is empty in `log`.
    Result<void> begin_behind(const BeginBehind& begin) override;
    Result<void> append_older(const PersistOlder& older) override;
    Result<void> write(const WriteWork& work) override;
    Result<Segments> keep(const KeepWork& work) override;
    Result<void> keep_state(std::uint32_t slot, const KeptState& state) override;
    Result<void> remove_states() override;
    SwarmDuration append_duration() const override { return duration; }

    /// Segments that were written and not kept: no later start of the node has them.
    void drop_draft() { draft_.reset(); }
    /// Applies a crash of the node.
    /// \param writing  the newest write was under way: a random number of its records is kept,
    /// perhaps all or none.
    void crash(bool writing, Random& random);

    /// What the node starts from: the newest snapshot and the records behind it.
    DurableLog start_log(const Hasher& hasher) const;
    /// The newest one; nullptr: none was made.
    std::shared_ptr<const Bytes> snapshot() const {
        return history_ ? history_->snapshot : nullptr;
    }
    /// All records.
    DurableLog& log() { return history().log; }
    const DurableLog& log() const {
        static const DurableLog none;
        return history_ ? history_->log : none;
    }

    /// Errc::not_found: the log has no such record (yet).
    Result<Bytes> record(std::uint64_t index) const;
    /// The link of a record, computed anew.
    Result<Digest> link(std::uint64_t index, const Hasher& hasher) const;

    LazyContainer<std::vector<KeptModel>> models;             ///< the newest last
    std::vector<std::pair<std::uint32_t, KeptState>> states;  ///< and their slots
    /// What an ML node starts from.
    KeptStates kept_states() const;
    /// A state begins to be written over what the slot holds.
    void lose_state(std::uint32_t slot);
    SwarmDuration duration = std::chrono::milliseconds(1);
    bool keeps_log =
        true;           ///< false: its records are dropped: for a node that is never started again
    bool full = false;  ///< every write fails
    bool fail_next_write = false;  ///< only the next one fails
    /// A disk that lies about durability: a crash loses this many of the newest writes, completed
    /// or not. For tests that must detect this.
    std::size_t lost_writes = 0;

private:
    /// How to revert a write.
    struct Undo {
        Vote vote;
        std::uint64_t first = 0;  ///< 0: it wrote the vote only
        std::vector<Bytes> replaced;
        std::shared_ptr<const Bytes> snapshot;
        MissingRecords missing = {};
    };
    /// What a node with a log has written.
    struct History {
        DurableLog log;
        std::shared_ptr<const Bytes> snapshot;  ///< nothing: none was made
        std::vector<Undo> undos;                ///< of the newest writes, the newest last
    };
    struct Draft {
        DraftNumber number = 0;
        std::map<std::uint32_t, Blob> segments;
    };

    History& history() {
        if (!history_) {
            history_ = std::make_unique<History>();
        }
        return *history_;
    }
    /// How to revert what is written next.
    Undo undo_of_next() { return {log().vote, 0, {}, history().snapshot, log().missing}; }
    Result<void> write_allowed();
    void remember(Undo undo);
    void undo_newest();

    // In memory of their own: most nodes of a large swarm have neither.
    std::unique_ptr<History> history_;
    std::unique_ptr<Draft> draft_;
};

}  // namespace starling
