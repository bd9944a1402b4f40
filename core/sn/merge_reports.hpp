#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/ledger/ledger.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// What members have said of the attempt that is on; signatures are checked.
struct RoundReports {
    RoundKey key;
    std::map<NodeId, MemberReport> of;
};

/// The members' reports of what they merged, of each contract's current attempt.
class MergeReports {
public:
    /// \param count_old_attempts  a planted fault: reports of any attempt of the round count
    explicit MergeReports(bool count_old_attempts) : count_old_attempts_(count_old_attempts) {}

    /// Whether `key` names the attempt that is on.
    bool is_about(const RoundKey& key, const Contract& contract) const;
    /// Whether nothing more is expected of the member: it has reported, and durably if that counts.
    bool has(const Contract& contract, const NodeId& node) const;
    /// Whether the report adds nothing. What is durable stays so: an earlier report of the attempt,
    /// which an SN may pass on late or repeat, does not take that back.
    bool has(const Contract& contract, const NodeId& node, const MemberReport& report) const;
    void add(const RoundKey& key, const Contract& contract, const MemberReport& report);
    void forget(const std::string& contract) { reports_.erase(contract); }
    /// The commit of the attempt. Nothing: some have not reported yet, or too few durably.
    std::optional<CommitRound> commit_of(const Contract& contract) const;
    const std::map<std::string, RoundReports>& all() const { return reports_; }

private:
    const RoundReports* find(const Contract& contract) const;

    bool count_old_attempts_;
    std::map<std::string, RoundReports> reports_;  ///< by contract
};

}  // namespace starling
