#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace starling {

/// One record of the log. Indices are contiguous from 1.
struct LogRecord {
    std::uint64_t index = 0;
    Bytes bytes;
};

/// What a call to the consensus led to, in the order in which it must be carried out: first
/// persist, then apply. (Messages to other SNs will stand between the two.)
struct ConsensusOutput {
    std::vector<LogRecord> persist;
    std::vector<LogRecord> committed;
};

/// Port: how the SNs agree on one order of entries. The ledger's rules know nothing of it.
class Consensus {
public:
    virtual ~Consensus() = default;
    /// Offers an entry for the log. Errc::refused if another SN leads.
    virtual Result<void> propose(Bytes entry, ConsensusOutput& output) = 0;
    /// Hands over what the log held at start.
    virtual void recover(std::vector<Bytes> records, ConsensusOutput& output) = 0;
};

/// A group of one: what is durable is agreed.
std::unique_ptr<Consensus> make_single_consensus();

}  // namespace starling
