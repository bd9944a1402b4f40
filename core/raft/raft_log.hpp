#pragma once

#include <deque>

#include "core/ledger/consensus.hpp"

namespace starling {

/// The records that this SN holds, in memory as on its disk.
class RaftLog {
public:
    std::uint64_t last() const { return records_.size(); }
    /// \pre 1 <= index <= last()
    const LogRecord& at(std::uint64_t index) const { return records_[index - 1]; }
    std::uint64_t term_of(std::uint64_t index) const { return index == 0 ? 0 : at(index).term; }
    /// Replaces everything from record.index on. \pre record.index <= last() + 1
    void put(LogRecord record) {
        STARLING_INVARIANT(record.index >= 1 && record.index <= last() + 1, "a log has no gaps");
        records_.resize(record.index - 1);
        records_.push_back(std::move(record));
    }

private:
    std::deque<LogRecord> records_;
};

}  // namespace starling
