#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/lazy_container.hpp"
#include "core/ledger/command.hpp"

namespace starling {

/// A name of the roll.
struct RollEntry {
    Role role = Role::sl;
    /// The CA of its certificates; nothing: that of the first one that it shows.
    std::optional<CaFingerprint> ca;
    bool seen = false;  ///< it has registered
    bool expelled = false;
    bool votes = false;  ///< of an SN: an administrator, the first SN's operator or owners said so
    std::uint64_t since = 0;  ///< index of the entry that put it here, or changed it last
    /// Who admitted it: an administrator, an SN, or "2 of 3 owners"; empty: nobody was asked.
    ShortText by;
    // CAs of the owners that have voted for a change of this SN, until there is a majority.
    LazyContainer<std::set<CaFingerprint>> for_vote;
    LazyContainer<std::set<CaFingerprint>> for_expulsion;
};

/// What a tool may do. Any tool of a trusted CA reads.
enum class ToolRight {
    read,
    operate,     ///< expel a name, remove an SN: an administrator can undo it
    administer,  ///< also admit, move to another CA, give a vote
};

/// Maps each name to its CA, with the rights that follow: the identity part of the ledger's state.
/// Deterministic, like the ledger.
class Roll {
public:
    /// Errc::refused: the name belongs to another CA, was expelled, or is not admitted.
    Result<void> may_register(const NodeId& node, const CaFingerprint& ca) const;
    /// \pre may_register
    void note_registered(const NodeId& node, Role role, const CaFingerprint& ca,
                         std::uint64_t index);

    /// Errc::refused: another SN has begun this ledger.
    Result<void> may_set_rules(const NodeId& node) const;
    void set_rules(const NodeId& node, const SwarmRules& rules, std::uint64_t index);

    /// Errc::refused: it has no right to that. Errc::malformed: that step can't be.
    Result<void> may_change(const NodeId& node, const ChangeRoll& change) const;
    /// \return  whether the change has taken effect: an owner's vote may need those of others.
    bool change(const NodeId& node, const ChangeRoll& change, std::uint64_t index);

    /// CAs with an active member.
    std::set<CaFingerprint> owners() const;

    /// An SN of the founder's CA may vote, one of another CA once that was granted.
    bool may_vote(const NodeId& node) const;
    ToolRight right_of(const NodeId& tool, const CaFingerprint& ca) const;
    /// The CA whose certificates a peer of that name may show; see PinPeer. An empty inner value:
    /// none is accepted. Nothing: not decided yet.
    std::optional<std::optional<CaFingerprint>> pin_of(const NodeId& node) const;

    const std::map<NodeId, RollEntry>& entries() const { return entries_; }
    const SwarmRules& rules() const { return rules_; }
    /// The SN that began the ledger: the first that has registered.
    const std::optional<NodeId>& founder() const { return founder_; }
    /// Index of the last entry that changed the roll.
    std::uint64_t version() const { return version_; }

    void encode(Writer& writer) const;
    /// On malformed input the reader enters the failed state.
    static Roll decode(Reader& reader);

private:
    std::optional<CaFingerprint> ca_of(const NodeId& node) const;
    bool has_right_to(const NodeId& node, const ChangeRoll& change) const;
    bool counts_as_owner(const NodeId& node, const ChangeRoll& change) const;

    std::map<NodeId, RollEntry> entries_;
    SwarmRules rules_;
    std::optional<NodeId> founder_;
    std::uint64_t version_ = 0;
};

/// How many of `cas` are owners. One may have lost its last member since its vote.
std::size_t owners_among(const std::set<CaFingerprint>& cas, const std::set<CaFingerprint>& owners);
/// 64 hexadecimal digits.
std::optional<CaFingerprint> parse_ca(std::string_view text);
/// A file of names that are admitted: NAME, or NAME and a CA's fingerprint, one a line; a # begins
/// a comment. Errc::malformed names the line.
Result<std::vector<AdmittedName>> parse_roll(std::string_view text);
/// "the CA 3f2a...": for people, who compare it, and give it to swci admit.
std::string ca_text(const CaFingerprint& ca);
/// Why a claim to a name is refused, for both sides, with both fingerprints.
std::string claim_text(const NodeId& node, const CaFingerprint& owner, const CaFingerprint& claims);

}  // namespace starling
