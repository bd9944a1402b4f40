#pragma once

#include <vector>

#include "transport/node_runner.hpp"

namespace starling {

/// A durable log in memory, which outlives a crash of its node.
class MemoryStore final : public Store {
public:
    Result<void> append(std::uint64_t index, ByteView bytes) override;
    SwarmDuration append_duration() const override { return duration; }

    std::vector<Bytes> records;
    SwarmDuration duration = std::chrono::milliseconds(1);
    bool full = false;  ///< every append fails from now on
};

}  // namespace starling
