#include "core/ledger/roll.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace starling {

std::optional<CaFingerprint> parse_ca(std::string_view text) {
    CaFingerprint ca;
    if (text.size() != 2 * ca.bytes.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < ca.bytes.size(); ++i) {
        unsigned value = 0;
        const char* end = text.data() + 2 * i + 2;
        const auto [rest, code] = std::from_chars(text.data() + 2 * i, end, value, 16);
        if (code != std::errc{} || rest != end) {
            return std::nullopt;
        }
        ca.bytes[i] = static_cast<std::byte>(value);
    }
    return ca;
}

Result<std::vector<AdmittedName>> parse_roll(std::string_view text) {
    std::vector<AdmittedName> names;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const std::string line(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        std::istringstream words(line.substr(0, line.find('#')));
        std::string name;
        std::string ca;
        std::string more;
        words >> name >> ca >> more;
        if (name.empty()) {
            continue;
        }
        const Result<NodeId> node = parse_node_id(name);
        const std::optional<CaFingerprint> fingerprint = parse_ca(ca);
        if (!node || !more.empty() || (!ca.empty() && !fingerprint)) {
            return Error{Errc::malformed,
                         "line " + std::to_string(number) +
                             ": it must be NAME, or NAME and the fingerprint of a CA, 64 "
                             "hexadecimal digits, as shown by swci list roll"};
        }
        names.push_back({*node, fingerprint});
    }
    return names;
}

std::string ca_text(const CaFingerprint& ca) {
    return ca == CaFingerprint{} ? "no CA" : "the CA " + to_string(ca);
}

std::string claim_text(const NodeId& node, const CaFingerprint& owner,
                       const CaFingerprint& claims) {
    return "the name '" + node.name + "' belongs to " + ca_text(owner) +
           ", and this certificate was issued by " + ca_text(claims) +
           ". If it has moved there, an administrator must confirm that: swci admit " + node.name +
           " --ca=FINGERPRINT (at a licence server: run-apls --allow=" + node.name + ")";
}

Result<void> Roll::may_register(const NodeId& node, const CaFingerprint& ca) const {
    const auto entry = entries_.find(node);
    if (entry == entries_.end()) {
        // The founder must register before there are rules.
        return rules_.admission == Admission::first_contact
                   ? Result<void>()
                   : Error{Errc::refused, "'" + node.name +
                                              "' is not on the roll of this swarm: an "
                                              "administrator must admit it (swci admit " +
                                              node.name + ")"};
    }
    if (entry->second.expelled) {
        return Error{Errc::refused, "'" + node.name + "' was expelled by '" + entry->second.by +
                                        "' (swci admit " + node.name + " readmits it)"};
    }
    if (entry->second.ca && *entry->second.ca != ca) {
        return Error{Errc::refused, claim_text(node, *entry->second.ca, ca)};
    }
    return {};
}

void Roll::note_registered(const NodeId& node, Role role, const CaFingerprint& ca,
                           std::uint64_t index) {
    if (!founder_ && role == Role::sn) {
        founder_ = node;
    }
    RollEntry& entry = entries_[node];
    if (!entry.seen || entry.role != role) {
        entry.since = index;
        version_ = index;
    }
    entry.role = role;
    entry.ca = ca;
    entry.seen = true;
}

Result<void> Roll::may_set_rules(const NodeId& node) const {
    return founder_ == node
               ? Result<void>()
               : Error{Errc::refused,
                       "'" + node.name + "' did not create this ledger, and can't set its rules"};
}

void Roll::set_rules(const NodeId& node, const SwarmRules& rules, std::uint64_t index) {
    rules_ = rules;
    version_ = index;
    const auto put = [&](const AdmittedName& name, Role role) -> RollEntry& {
        RollEntry& entry = entries_[name.node];
        if (!entry.seen) {
            entry.role = role;
        }
        if (name.ca) {
            entry.ca = name.ca;
        }
        if (entry.since == 0) {
            entry.by = node.name;
        }
        entry.since = index;
        return entry;
    };
    for (const AdmittedName& name : rules.roll) {
        put(name, Role::sl);
    }
    for (const std::vector<AdmittedName>* tools : {&rules.admins, &rules.operators}) {
        for (const AdmittedName& name : *tools) {
            put(name, Role::tool);
        }
    }
    for (const NodeId& server : rules.voters) {
        put({server, std::nullopt}, Role::sn).votes = true;
    }
}

Result<void> Roll::may_change(const NodeId& node, const ChangeRoll& change) const {
    const bool expels = change.kind == ChangeRoll::Kind::expel;
    if (!has_right_to(node, change) && !counts_as_owner(node, change)) {
        return Error{Errc::refused,
                     "'" + node.name + "' is not an administrator of this swarm" +
                         (expels ? " or operator" : "") +
                         ": the operator of its first SN appoints them (run-sn --admin)" +
                         (rules_.owners_decide ? ". It may vote for an owner on an SN that has "
                                                 "joined, if its CA has a member here"
                                               : "")};
    }
    if (expels && founder_ == change.node) {
        return Error{Errc::refused,
                     "'" + change.node.name + "' created this ledger, and can't be expelled"};
    }
    if (expels && change.ca) {
        return Error{Errc::malformed, "an expulsion has no CA"};
    }
    return {};
}

std::optional<CaFingerprint> Roll::ca_of(const NodeId& node) const {
    const auto entry = entries_.find(node);
    return entry == entries_.end() ? std::nullopt : entry->second.ca;
}

bool Roll::has_right_to(const NodeId& node, const ChangeRoll& change) const {
    const std::optional<CaFingerprint> ca = ca_of(node);
    const ToolRight right = ca ? right_of(node, *ca) : ToolRight::read;
    return right == ToolRight::administer ||
           (right == ToolRight::operate && change.kind == ChangeRoll::Kind::expel);
}

/// An owner may vote only on SNs that have joined, so votes need no storage of their own.
bool Roll::counts_as_owner(const NodeId& node, const ChangeRoll& change) const {
    const std::optional<CaFingerprint> ca = ca_of(node);
    const auto server = entries_.find(change.node);
    const bool about_sn = server != entries_.end() && server->second.seen &&
                          server->second.role == Role::sn && !change.ca &&
                          change.kind != ChangeRoll::Kind::admit;
    return rules_.owners_decide && about_sn && ca && !entries_.at(node).expelled &&
           owners().contains(*ca);
}

std::set<CaFingerprint> Roll::owners() const {
    std::set<CaFingerprint> cas;
    for (const auto& [node, entry] : entries_) {
        if (entry.role == Role::sl && entry.seen && !entry.expelled && entry.ca) {
            cas.insert(*entry.ca);
        }
    }
    return cas;
}

std::size_t owners_among(const std::set<CaFingerprint>& cas,
                         const std::set<CaFingerprint>& owners) {
    return static_cast<std::size_t>(std::count_if(
        cas.begin(), cas.end(), [&](const CaFingerprint& ca) { return owners.contains(ca); }));
}

bool Roll::change(const NodeId& node, const ChangeRoll& change, std::uint64_t index) {
    RollEntry& entry = entries_[change.node];
    version_ = index;
    std::string by = node.name;
    if (!has_right_to(node, change)) {
        const bool expels = change.kind == ChangeRoll::Kind::expel;
        auto& same = expels ? entry.for_expulsion : entry.for_vote;
        auto& opposite = expels ? entry.for_vote : entry.for_expulsion;
        same.change().insert(*ca_of(node));
        opposite.erase(*ca_of(node));
        const std::set<CaFingerprint> all = owners();
        const std::size_t count = owners_among(*same, all);
        if (count <= all.size() / 2) {
            return false;
        }
        by = std::to_string(count) + " of " + std::to_string(all.size()) + " owners";
    }
    entry.since = index;
    entry.by = std::move(by);
    entry.for_vote.clear();
    entry.for_expulsion.clear();
    entry.expelled = change.kind == ChangeRoll::Kind::expel;
    if (change.ca) {
        entry.ca = change.ca;
    }
    if (change.kind == ChangeRoll::Kind::admit_server) {
        entry.role = Role::sn;
        entry.votes = true;
    } else if (entry.expelled) {
        entry.votes = false;
    }
    return true;
}

bool Roll::may_vote(const NodeId& node) const {
    const auto entry = entries_.find(node);
    const auto founder = founder_ ? entries_.find(*founder_) : entries_.end();
    if (entry == entries_.end() || founder == entries_.end() || !entry->second.seen ||
        entry->second.role != Role::sn || entry->second.expelled) {
        return false;
    }
    return entry->second.votes || entry->second.ca == founder->second.ca;
}

ToolRight Roll::right_of(const NodeId& tool, const CaFingerprint& ca) const {
    const auto among = [name = AdmittedName{tool, ca}](const std::vector<AdmittedName>& tools) {
        return std::find(tools.begin(), tools.end(), name) != tools.end();
    };
    const auto entry = entries_.find(tool);
    if (entry != entries_.end() && entry->second.expelled) {
        return ToolRight::read;
    }
    return among(rules_.admins)      ? ToolRight::administer
           : among(rules_.operators) ? ToolRight::operate
                                     : ToolRight::read;
}

std::optional<std::optional<CaFingerprint>> Roll::pin_of(const NodeId& node) const {
    const auto entry = entries_.find(node);
    if (entry == entries_.end()) {
        return std::nullopt;
    }
    if (entry->second.expelled) {
        return std::optional<CaFingerprint>();
    }
    return entry->second.ca ? std::optional(entry->second.ca) : std::nullopt;
}

}  // namespace starling
