#pragma once

#include <cstdint>
#include <deque>

#include "core/base/hasher.hpp"
#include "core/ledger/command.hpp"
#include "core/ledger/consensus.hpp"
#include "core/ledger/term_runs.hpp"

namespace starling {

/// The hash chain over the records that this SN has applied, and when to sign its head. All SNs
/// apply the same records, so their chains are equal; a signed head (Checkpoint) proves it.
class AppliedLog {
public:
    /// \param checkpoint_interval  records between two signed heads
    AppliedLog(const Hasher& hasher, std::uint64_t checkpoint_interval)
        : hasher_(hasher), checkpoint_interval_(checkpoint_interval) {}

    void append(const LogRecord& record);
    /// Begins behind records that a snapshot stands for. \pre empty
    void begin_behind(const Digest& head, TermRuns terms);

    const Digest& head() const { return head_; }  ///< link of the newest record: see chain_link()
    /// Records; also the newest one's index.
    std::uint64_t size() const { return terms_.last(); }
    std::uint64_t term() const { return terms_.term_of(size()); }  ///< of the newest record
    const TermRuns& terms() const { return terms_; }

    bool checkpoint_due() const { return checkpoint_due_; }
    void request_checkpoint() { checkpoint_due_ = true; }
    /// The head, to be signed now.
    Checkpoint take_checkpoint();
    /// Whether this chain has another head where it says. Of a place so old that its link is not
    /// in memory that is not known here, but to an auditor.
    bool contradicts(const Checkpoint& checkpoint) const;

private:
    const Hasher& hasher_;
    std::uint64_t checkpoint_interval_;
    Digest head_;
    TermRuns terms_;
    std::deque<Digest> links_;         ///< of the newest records, to compare checkpoints with
    std::uint64_t checkpoint_at_ = 0;  ///< records when this SN signed last
    bool checkpoint_due_ = false;
};

}  // namespace starling
