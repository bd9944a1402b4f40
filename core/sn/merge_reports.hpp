#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ledger/ledger.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// As the ledger records it.
inline MemberReport member_report(const NodeId& node, const MergeReport& report) {
    return {node, report.digest, report.signature, report.durable};
}

/// What members have said of the attempt that is on; signatures are checked. In the order of the
/// members and with one digest for all that say the same, since 100,000 may report.
class RoundReports {
public:
    RoundReports() = default;
    RoundReports(RoundKey key, MemberList members)
        : key_(std::move(key)), members_(std::move(members)), said_(members_.size()) {}

    const RoundKey& key() const { return key_; }
    bool are_of(const MemberList& members) const { return members_.is_copy_of(members); }
    /// How many have reported.
    std::size_t size() const { return size_; }
    /// How many digests are kept: as many as members, and one, at most.
    std::size_t digest_count() const { return digests_.size(); }
    /// Nothing: it has not reported.
    std::optional<MemberReport> find(const NodeId& node) const {
        const std::uint32_t place = members_.index_of(node);
        return place < said_.size() ? at(place) : std::nullopt;
    }
    /// Replaces an earlier one of that node. Ignored unless it is of one of the members.
    void add(const MemberReport& report);
    /// In the order of the members.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (std::uint32_t place = 0; place < said_.size(); ++place) {
            if (const std::optional<MemberReport> report = at(place)) {
                visit(*report);
            }
        }
    }

private:
    struct Said {
        Signature signature;
        /// Its place in digests_ once it has said another one than the first report; 0: none. It is
        /// used again for whatever the member says next, so that digests_ is bounded.
        std::uint32_t own = 0;
        bool reported = false;
        bool says_first = false;  ///< the digest of the first report
        bool durable = false;
    };
    std::optional<MemberReport> at(std::uint32_t place) const;

    RoundKey key_;
    MemberList members_;
    std::vector<Said> said_;  ///< of members_, in their order
    /// The first report's, and of each member at most one other.
    std::vector<Digest> digests_;
    std::size_t size_ = 0;
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
    /// What it has said of that attempt; nothing: nothing that is here.
    std::optional<MemberReport> find(const RoundKey& key, const NodeId& node) const;
    /// \pre  it is of a member of the attempt
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
