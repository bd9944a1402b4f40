#pragma once

#include <deque>
#include <utility>

#include "core/ledger/consensus.hpp"
#include "core/ledger/term_runs.hpp"

namespace starling {

/// The records of this SN's log: the newest ones in memory, of those before the terms only.
class RaftLog {
public:
    std::uint64_t last() const { return forgotten() + records_.size(); }
    /// The records up to this one are on the disk only.
    std::uint64_t forgotten() const { return terms_before_.last(); }
    const TermRuns& terms_before() const { return terms_before_; }
    /// \pre forgotten() < index <= last()
    const LogRecord& at(std::uint64_t index) const { return records_[index - forgotten() - 1]; }
    /// \pre index <= last()
    std::uint64_t term_of(std::uint64_t index) const {
        return index <= forgotten() ? terms_before_.term_of(index) : at(index).term;
    }
    /// Begins behind records that are on the disk only. \pre empty
    void begin_behind(TermRuns terms) { terms_before_ = std::move(terms); }
    /// Replaces everything from record.index on. \pre forgotten() < record.index <= last() + 1
    void put(LogRecord record) {
        STARLING_INVARIANT(record.index > forgotten() && record.index <= last() + 1,
                           "a log has no gaps");
        records_.resize(record.index - forgotten() - 1);
        records_.push_back(std::move(record));
    }
    /// Drops the oldest record that is in memory. \pre forgotten() < last()
    void forget_oldest() {
        terms_before_.append(records_.front().term);
        records_.pop_front();
    }

private:
    TermRuns terms_before_;
    std::deque<LogRecord> records_;
};

}  // namespace starling
