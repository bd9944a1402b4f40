#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/ledger/snapshot.hpp"

namespace starling {

/// Audits a ledger from its first record on without trust in the SNs that kept it: every hash link,
/// every signature (of members on their commands and reports, of SNs on their own entries and
/// checkpoints), the order of times, terms and sequence numbers, and, by replaying the commands,
/// the agreed state.
class LedgerAudit {
public:
    struct Options {
        /// Whether a certificate is by a trusted CA; nothing: not checked. Errc::refused tells why
        /// not.
        std::function<Result<void>(const NodeId& node, ByteView certificate)> trusted;
    };
    struct Training {
        std::uint64_t commits = 0;
        std::uint32_t attempts_lost = 0;  ///< attempts that led to nothing
    };
    /// SNs that an administrator removed.
    struct Removal {
        std::uint64_t index = 0;  ///< of the entry that records it
        NodeId signer;
        RemoveServers command;
    };
    /// A claim to a name that the roll does not grant. The ledger did not take it.
    struct Claim {
        std::uint64_t index = 0;
        NodeId node;
        std::string why;
    };
    struct Summary {
        std::uint64_t records = 0;
        std::uint64_t signatures = 0;  ///< that were checked, endorsements among them
        std::uint64_t checkpoints = 0;
        std::map<std::string, Training> trainings;     ///< by contract
        std::set<NodeId> members;                      ///< SLs that have signed an entry
        std::set<NodeId> servers;                      ///< SNs that have signed an entry
        std::map<NodeId, std::uint64_t> signed_up_to;  ///< newest checkpoint, by SN
        std::vector<Removal> removals;
        std::vector<Claim> claims;
        Digest head;
    };

    /// Both must outlive the audit.
    LedgerAudit(const Hasher& hasher, const NodeVerifier& verifier, Options options);

    /// Checks the next record, as stored. Errc::malformed names what is wrong with the first bad
    /// record; take() must not be called again.
    Result<void> take(std::uint64_t index, ByteView bytes, const Digest& link);

    /// What is wrong if the ledger ends here; empty: nothing.
    std::string unfinished() const;
    const Summary& summary() const { return summary_; }
    const Ledger& ledger() const { return ledger_; }
    /// The one that an SN makes of the records so far.
    Bytes make_snapshot() const {
        return encode_snapshot(hasher_, {summary_.head, time_ns_, terms_, servers_, ledger_});
    }
    /// Link of the record at `index`. \pre 1 <= index <= summary().records
    const Digest& link(std::uint64_t index) const { return links_[index - 1]; }

private:
    struct Author {
        Role role = Role::sl;
        PublicKey key;
        std::uint64_t session = 0;
        std::uint64_t sequence = 0;
    };

    Result<void> take_entry(const Entry& entry, std::uint64_t index);
    Result<void> check_author(const Entry& entry);
    Result<void> check_registration(const Entry& entry, const RegisterNode& command);
    Result<void> check_order(const Entry& entry, const Author& author) const;
    template <typename WithReports>
    Result<void> check_reports(const WithReports& command);
    Result<void> check_reports_in(const Command& command);
    Result<void> check_checkpoint(const Checkpoint& checkpoint) const;
    Result<void> take_membership(const LogRecord& record);
    Result<void> check_removal(const NodeId& signer, const RemoveServers& removal);
    bool verify(const PublicKey& key, const Bytes& text, const Signature& signature);

    const Hasher& hasher_;
    const NodeVerifier& verifier_;
    Options options_;
    Summary summary_;
    Ledger ledger_;
    std::map<NodeId, Author> authors_;
    std::vector<Digest> links_;
    ServerHistory servers_;
    TermRuns terms_;
    std::map<std::uint64_t, std::vector<NodeId>> removed_;  ///< by membership record
    /// Membership record of a rebuild, valid by its maker's signature alone; 0: none is open.
    std::uint64_t epoch_ = 0;
    std::int64_t time_ns_ = 0;
};

}  // namespace starling
