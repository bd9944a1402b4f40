#include "core/sn/ledger_news.hpp"

#include "core/base/invariant.hpp"
#include "core/base/names_text.hpp"
#include "core/base/overloaded.hpp"

namespace starling {
namespace {

constexpr std::string_view component = "swarm.SN";

std::string text_of(const NodeId& node) { return "'" + node.name + "'"; }

std::string moved_text(const NodeRegistered& registered) {
    return !registered.instead_of || *registered.instead_of == registered.address
               ? ""
               : "; it replaces its start at " + to_string(*registered.instead_of);
}

TraceEvent event_of(const NodeRegistered& e, const Ledger& /*ledger*/) {
    return TraceEvent("node_registered")
        .with("node", e.node.name)
        .log(e.role == Role::sn ? Level::debug : Level::info, component,
             "Node " + text_of(e.node) + " is registered, exchange address " +
                 to_string(e.address) + moved_text(e));
}

TraceEvent event_of(const MemberEnrolled& e, const Ledger& /*ledger*/) {
    return TraceEvent("member_enrolled")
        .with("contract", e.contract)
        .with("node", e.node.name)
        .with("first", e.first ? 1U : 0U)
        .log(Level::info, component,
             "Node " + text_of(e.node) + (e.first ? " starts" : " joins") + " contract '" +
                 e.contract + "'");
}

TraceEvent event_of(const CheckedIn& e, const Ledger& /*ledger*/) {
    TraceEvent event = TraceEvent("checked_in")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .with("round", e.round)
                           .with("here", e.here);
    if (e.merged) {
        event = std::move(event).with("merged", to_string(*e.merged));
    }
    return std::move(event).log(Level::debug, component,
                                "Node " + text_of(e.node) + " checked in for round " +
                                    std::to_string(e.round) +
                                    (e.merged ? ", merged to " + short_text(*e.merged) : ""));
}

TraceEvent event_of(const RoundFrozen& e, const Ledger& /*ledger*/) {
    return TraceEvent("round_frozen")
        .with("contract", e.contract)
        .with("round", e.round)
        .with("attempt", e.attempt)
        .with("members", e.members)
        .log(e.retry ? Level::warning : Level::debug, component,
             "Round " + std::to_string(e.round) + " attempt " + std::to_string(e.attempt) +
                 " begins with " + std::to_string(e.members) + " members");
}

TraceEvent event_of(const RoundCommitted& e, const Ledger& ledger) {
    return TraceEvent("round_committed")
        .with("contract", e.contract)
        .with("run", ledger.find_contract(e.contract)->run)
        .with("round", e.commit.round)
        .with("attempt", e.commit.attempt)
        .with("members", e.commit.members.size())
        .with("digest", to_string(e.commit.digest))
        .with("final", e.commit.final ? 1U : 0U)
        .log(Level::info, component,
             "Round " + std::to_string(e.commit.round) +
                 " is committed: " + std::to_string(e.commit.members.size()) + " members, digest " +
                 short_text(e.commit.digest) + (e.commit.final ? " (final)" : ""));
}

TraceEvent event_of(const MemberGone& e, const Ledger& /*ledger*/) {
    return TraceEvent("member_gone")
        .with("contract", e.contract)
        .with("node", e.node.name)
        .log(Level::error, component,
             "Member " + text_of(e.node) + (e.lost ? " is lost: " : " left: ") + e.reason);
}

TraceEvent event_of(const MemberExcluded& e, const Ledger& /*ledger*/) {
    return TraceEvent("member_excluded")
        .with("contract", e.contract)
        .with("node", e.node.name)
        .log(Level::warning, component,
             "Member " + text_of(e.node) + " is excluded from this round: " + e.reason);
}

TraceEvent event_of(const MemberDeviated& e, const Ledger& /*ledger*/) {
    return TraceEvent("member_deviated")
        .with("contract", e.contract)
        .with("node", e.node.name)
        .with("round", e.round)
        .with("digest", to_string(e.digest))
        .with("agreed", to_string(e.agreed))
        .log(Level::error, component,
             "Member " + text_of(e.node) + " merged round " + std::to_string(e.round) + " to " +
                 short_text(e.digest) + ", the majority to " + short_text(e.agreed) +
                 ": its model of this round is not used (" + std::to_string(e.times) + " of " +
                 std::to_string(deviations_max) +
                 " times until it is expelled). Its machine, its program, or "
                 "the owner of a segment that it received is faulty");
}

TraceEvent event_of(const RoundUndecided& e, const Ledger& /*ledger*/) {
    return TraceEvent("round_undecided")
        .with("contract", e.contract)
        .with("round", e.round)
        .with("attempt", e.attempt)
        .with("next", e.next.name)
        .log(Level::error, component,
             "No majority of the members merged round " + std::to_string(e.round) + " attempt " +
                 std::to_string(e.attempt) + " to the same bytes: " + e.merges +
                 ". One of them is faulty; in the next attempt " +
                 (e.next.name.empty() ? "others merge" : text_of(e.next) + " merges for all"));
}

TraceEvent event_of(const MembersKeptApart& e, const Ledger& /*ledger*/) {
    const std::string others = names_text(e.others, "", "'");
    return TraceEvent("members_kept_apart")
        .with("contract", e.contract)
        .with("node", e.node.name)
        .with("others", others)
        .with("round", e.round)
        .log(Level::warning, component,
             (e.deviated ? "Member " + text_of(e.node) +
                               " reports that it received wrong bytes from "
                               "owner " +
                               others
                         : "Nothing moves between member " + text_of(e.node) + " and " + others) +
                 " in round " + std::to_string(e.round) +
                 ": the other members merge for them in the rest of this run. " +
                 (e.deviated ? "One of the two is faulty" : "Check the network between them"));
}

TraceEvent event_of(const ContributionNotFinite& e, const Ledger& /*ledger*/) {
    return TraceEvent("member_not_finite")
        .with("contract", e.contract)
        .with("node", e.node.name)
        .with("by", e.by.name)
        .with("round", e.round)
        .log(Level::error, component,
             "Parameters of member " + text_of(e.node) + " in round " + std::to_string(e.round) +
                 " contain NaN or infinity" +
                 (e.by == e.node ? "" : ", as reported by member " + text_of(e.by)) +
                 (e.left_out ? ": not merged" : ": merged unchanged") + " (" +
                 std::to_string(e.times) + " rounds of this run so far)");
}

TraceEvent event_of(const ContractEnded& e, const Ledger& ledger) {
    const bool complete = e.phase == ContractPhase::complete;
    return TraceEvent("contract_ended")
        .with("contract", e.contract)
        .with("run", ledger.find_contract(e.contract)->run)
        .with("phase", std::string(to_string(e.phase)))
        .log(complete ? Level::info : Level::error, component,
             "Contract '" + e.contract + "' is " + std::string(to_string(e.phase)) +
                 (complete ? "" : ": " + e.reason));
}

}  // namespace

TraceEvent event_of(const LedgerEvent& event, const Ledger& ledger) {
    return std::visit(Overloaded{
                          [](const RollChanged&) -> TraceEvent {
                              STARLING_INVARIANT(false, "changes of the roll are told elsewhere");
                          },
                          [&](const auto& e) { return event_of(e, ledger); },
                      },
                      event);
}

}  // namespace starling
