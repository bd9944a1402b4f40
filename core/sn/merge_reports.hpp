#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/ledger/ledger.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// As the ledger records it.
inline MemberReport member_report(const NodeId& node, const MergeReport& report) {
    return {node, report.digest, report.signature, report.durable};
}

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
    /// What it has said of that attempt; nullptr: nothing that is here.
    const MemberReport* find(const RoundKey& key, const NodeId& node) const;
    void add(const RoundKey& key, const Contract& contract, const MemberReport& report);
    void forget(const std::string& contract) { reports_.erase(contract); }
    /// The ledger has a part of the reports: the next one may follow.
    void note_recorded(const std::string& contract) { recorded_.insert(contract); }
    /// The contracts of which that was noted since the last call.
    std::set<std::string> take_recorded() { return std::exchange(recorded_, {}); }
    /// What records the reports of the attempt: its commit or, if that would have more than
    /// `most` of them, a RecordReports with the next `most`. Nothing: some members have not
    /// reported yet, or too few durably.
    std::optional<Command> next_entry(const Contract& contract, std::size_t most) const;
    const std::map<std::string, RoundReports>& all() const { return reports_; }

private:
    const RoundReports* find(const Contract& contract) const;

    bool count_old_attempts_;
    std::map<std::string, RoundReports> reports_;  ///< by contract
    std::set<std::string> recorded_;
};

}  // namespace starling
