#pragma once

#include <vector>

#include "transport/node_runner.hpp"

namespace starling {

/// A durable log in memory, which outlives a crash of its node.
class MemoryStore final : public Store {
public:
    Result<void> append(std::uint64_t first, std::span<const Bytes> records) override;
    Result<void> save_vote(const Vote& vote) override;
    SwarmDuration append_duration() const override { return duration; }

    DurableLog log;
    SwarmDuration duration = std::chrono::milliseconds(1);
    bool full = false;  ///< every write fails from now on
};

}  // namespace starling
