#pragma once

#include <vector>

#include "transport/node_runner.hpp"

namespace starling {

/// What a node keeps, in memory, which outlives a crash of it.
class MemoryStore final : public Store, public ModelStore {
public:
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;
    Result<void> keep(const KeptModel& model) override;
    SwarmDuration append_duration() const override { return duration; }

    DurableLog log;
    std::vector<KeptModel> models;  ///< the newest last
    SwarmDuration duration = std::chrono::milliseconds(1);
    bool full = false;  ///< every write fails from now on
};

}  // namespace starling
