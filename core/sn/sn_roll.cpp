// Who may be whom: what the ledger's roll means for those that connect, and for this SN.
#include "core/base/names_text.hpp"
#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {

/// The role of a relayed command's author is taken from the ledger or from its certificate, not
/// from a connection.
///
/// \param connected  the author, if it is connected here and has sent the command itself
Result<void> SnNode::may_submit(const NodeId& from, const SubmitCommand& submit,
                                const Peer* connected) const {
    const Command& command = submit.command;
    const auto* registration = std::get_if<RegisterNode>(&command);
    Role role = Role::sl;
    if (connected != nullptr) {
        role = connected->role;
    } else if (registration != nullptr) {
        role = registration->role;
    } else if (const RegisteredNode* const known = ledger().find_node(from)) {
        role = known->role;
    }
    bool may = submit.session != 0 && !is_for_sns(command);
    if (registration != nullptr) {
        may = may && registration->role == role && (role == Role::sl || role == Role::tool);
    } else if (role == Role::tool) {
        may = may && (std::holds_alternative<ReadBarrier>(command) ||
                      std::holds_alternative<ChangeRoll>(command));
    } else {
        may = may && role == Role::sl && !std::holds_alternative<ChangeRoll>(command);
    }
    if (!may) {
        return Error{Errc::refused, "a node of this role may not submit that"};
    }
    if (connected != nullptr && registration != nullptr &&
        registration->credentials.ca != connected->ca) {
        return Error{Errc::refused, "it registers with a certificate of " +
                                        ca_text(registration->credentials.ca) +
                                        ", but has presented one of " + ca_text(connected->ca)};
    }
    return {};
}

/// A removal must be by a tool with the right to it: by the ledger's roll, or, at an SN of the
/// founder's CA that the tool is connected to, by that SN's options, among tools of that CA.
Result<void> SnNode::check_removal(const NodeId& from, const RemoveServer& what) const {
    const SnPeer& sender = peers_.at(from);
    const CaFingerprint& ca = what.credentials.ca;
    if (sender.role == Role::tool && (what.by != from || ca != sender.ca)) {
        return Error{Errc::refused, "its removal is signed by '" + what.by.name + "' with " +
                                        ca_text(ca) + ", but it has presented " +
                                        ca_text(sender.ca)};
    }
    const Roll& roll = ledger().roll();
    const CaFingerprint founder =
        roll.founder() ? roll.entries().at(*roll.founder()).ca.value_or(CaFingerprint{})
                       : options_.signer->credentials().ca;
    const bool named_here = options_.admins.contains(from) || options_.operators.contains(from);
    const bool of_tool = sender.role == Role::tool;
    const bool named = named_here || !of_tool;  // an SN hands on what it has checked itself
    const CaFingerprint& vouching = of_tool ? options_.signer->credentials().ca : sender.ca;
    if (!(named && vouching == founder && ca == founder) &&
        roll.right_of(what.by, ca) == ToolRight::read) {
        return Error{Errc::refused, "'" + what.by.name + "' may not remove an SN here; " +
                                        names_text(options_.admins, "nobody") +
                                        " may (run-sn --admin)"};
    }
    if (const auto endorsed = options_.verifier->endorsed(what.by, Role::tool, what.credentials);
        !endorsed) {
        return endorsed;
    }
    if (!options_.verifier->verify(what.credentials.key,
                                   removal_text(what.by, what.node, what.number), what.signature)) {
        return Error{Errc::refused, "'" + what.by.name + "' has not signed the removal of '" +
                                        what.node.name + "'"};
    }
    return {};
}

SwarmRules SnNode::wanted_rules() const {
    SwarmRules rules;
    rules.admission = options_.founder_rules.admission;
    rules.roll = options_.founder_rules.roll;
    rules.voters = options_.founder_rules.voters;
    rules.owners_decide = options_.founder_rules.owners_decide;
    for (const NodeId& admin : options_.admins) {
        rules.admins.push_back({admin, options_.signer->credentials().ca});
    }
    for (const NodeId& tool : options_.operators) {
        rules.operators.push_back({tool, options_.signer->credentials().ca});
    }
    return rules;
}

/// At each start of the founder, if its operator has changed the rules.
void SnNode::propose_rules(Outbox& out) {
    const auto known = ledger().nodes().find(options_.id);
    const bool registered = known != ledger().nodes().end() &&
                            known->second.credentials == options_.signer->credentials();
    if (!registered || ledger().roll().founder() != options_.id || !raft().leader()) {
        return;
    }
    SwarmRules rules = wanted_rules();
    if (rules != ledger().roll().rules()) {
        submit_own(std::move(rules), out);
    }
}

void SnNode::apply_roll(const RollChanged& changed, Outbox& out) {
    if (changed.node) {
        apply_pin(*changed.node, out);
        return;
    }
    for (const auto& [node, entry] : ledger().roll().entries()) {
        apply_pin(node, out);
    }
}

/// Pins the names of peers by the roll, and tells SLs the pins of SLs and SNs.
void SnNode::apply_pin(const NodeId& node, Outbox& out) {
    const std::optional<std::optional<CaFingerprint>> pin = ledger().roll().pin_of(node);
    if (!pin || node == options_.id) {
        return;
    }
    out.pin_peer(node, *pin);
    const Role role = ledger().roll().entries().at(node).role;
    if (!*pin || **pin == CaFingerprint{} || (role != Role::sl && role != Role::sn)) {
        signers_.pins.remove(node);
        return;
    }
    if (!signers_.pins.add(node, **pin)) {
        return;
    }
    for (const auto& [id, peer] : peers_) {
        if (peer.here && peer.role == Role::sl) {
            out.send(id, RollNews{{{node, **pin}}});
        }
    }
}

void SnNode::report_roll(const RollChanged& changed, Outbox& out) const {
    if (!changed.node) {
        const SwarmRules& rules = ledger().roll().rules();
        report(TraceEvent("rules_set")
                   .with("by", changed.by)
                   .log(Level::debug, component,
                        "'" + changed.by + "' has set the rules of the swarm: admission " +
                            (rules.admission == Admission::roll ? "of names on the roll"
                                                                : "by first contact") +
                            ", " + std::to_string(rules.admins.size()) + " administrators"),
               out);
        return;
    }
    if (!changed.done) {
        report_owners(changed, out);
        return;
    }
    const NodeId& node = *changed.node;
    const RollEntry& entry = ledger().roll().entries().at(node);
    const std::string ca = entry.ca ? to_string(*entry.ca) : "";
    TraceEvent event = TraceEvent("roll_changed")
                           .with("node", node.name)
                           .with("ca", ca)
                           .with("by", changed.by)
                           .with("expelled", entry.expelled ? 1U : 0U)
                           .with("votes", ledger().roll().may_vote(node) ? 1U : 0U);
    const bool certified = entry.ca && *entry.ca != CaFingerprint{};
    if (!changed.by.empty()) {
        const bool by_owners = entry.by != changed.by;  // then it is how many of them
        report(std::move(event).log(
                   Level::warning, component,
                   (by_owners ? entry.by + " have " : "'" + entry.by + "' has ") +
                       (entry.expelled ? "expelled '" + node.name + "'"
                                       : "admitted '" + node.name + "'" +
                                             (certified ? " of " + ca_text(*entry.ca) : "") +
                                             (entry.votes ? ", which votes" : ""))),
               out);
        return;
    }
    if (entry.role == Role::sn && !ledger().roll().may_vote(node)) {
        report(std::move(event).log(
                   Level::warning, component,
                   "SN '" + node.name + "' of " + ca_text(entry.ca.value_or(CaFingerprint{})) +
                       " is a learner without a vote: its CA is not that of the first SN. An "
                       "administrator can give it a vote (swci admit server " +
                       node.name + ")"),
               out);
        return;
    }
    report(certified ? std::move(event).log(
                           Level::info, component,
                           "The name '" + node.name + "' belongs to " + ca_text(*entry.ca))
                     : std::move(event),
           out);
}

/// An owner's tool has voted, and there is no majority of the owners yet.
void SnNode::report_owners(const RollChanged& changed, Outbox& out) const {
    const Roll& roll = ledger().roll();
    const RollEntry& entry = roll.entries().at(*changed.node);
    const std::set<CaFingerprint> owners = roll.owners();
    const auto count = [&](const std::set<CaFingerprint>& cas, const char* what) {
        return std::to_string(owners_among(cas, owners)) + " for " + what;
    };
    report(TraceEvent("owner_voted")
               .with("node", changed.node->name)
               .with("by", changed.by)
               .log(Level::info, component,
                    "'" + changed.by + "' votes for its owner on SN '" + changed.node->name +
                        "': of " + std::to_string(owners.size()) + " owners " +
                        count(*entry.for_vote, "a vote") + ", " +
                        count(*entry.for_expulsion, "its expulsion") + "; a majority decides"),
           out);
}

void SnNode::remove_expelled_servers(Outbox& out) {
    if (!raft().leads()) {
        return;
    }
    for (const Server& server : raft().servers()) {
        const auto entry = ledger().roll().entries().find(server.node);
        if (entry == ledger().roll().entries().end() || !entry->second.expelled ||
            !leaves_a_majority(server.node)) {
            continue;
        }
        // Retried in a later step if another membership change is under way.
        static_cast<void>(start_removal(NodeId(server.node), out));
        return;
    }
}

void SnNode::deny(const NodeId& node, const Answer& why, Outbox& out) const {
    report(TraceEvent("command_denied")
               .with("node", node.name)
               .log(Level::warning, component, "Refused '" + node.name + "': " + why.reason),
           out);
}

}  // namespace starling
