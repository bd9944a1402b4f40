#pragma once

#include <deque>
#include <vector>

#include "core/base/random.hpp"
#include "transport/node_runner.hpp"

namespace starling {

/// What a node keeps, in memory, which outlives a crash of it. The newest write is durable once its
/// `duration` is over; a crash before may lose it.
class MemoryStore final : public Store, public ModelStore, public StateStore {
public:
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;
    Result<void> keep(const KeptModel& model) override;
    Result<void> keep_state(std::uint32_t slot, const KeptState& state) override;
    Result<void> forget_states() override;
    SwarmDuration append_duration() const override { return duration; }

    /// The node has crashed. \param writing  the newest write was not done: of its records a part
    /// is kept, maybe all or none.
    void crash(bool writing, Random& random);

    DurableLog log;
    std::vector<KeptModel> models;  ///< the newest last
    KeptStates states;
    SwarmDuration duration = std::chrono::milliseconds(1);
    bool full = false;             ///< every write fails from now on
    bool fail_next_write = false;  ///< one does
    /// A disk that lies: at a crash so many of the newest writes are gone, done or not. For tests
    /// that must find it.
    std::size_t lost_writes = 0;

private:
    /// How to take a write back.
    struct Undo {
        Vote vote;
        std::uint64_t first = 0;  ///< 0: the log was not written
        std::vector<Bytes> replaced;
    };

    Result<void> write_allowed();
    void remember(Undo undo);
    void take_back();

    std::deque<Undo> undos_;  ///< of the newest writes, the newest last
};

}  // namespace starling
