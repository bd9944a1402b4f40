#include "core/base/names_text.hpp"
#include "core/base/overloaded.hpp"
#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

std::string text_of(const NodeId& node) { return "'" + node.name + "'"; }

std::string moved_text(const NodeRegistered& registered) {
    return !registered.instead_of || *registered.instead_of == registered.address
               ? ""
               : "; it takes the place of its start at " + to_string(*registered.instead_of);
}

/// Identifies an SN's own entry, so that it is proposed only once at a time.
std::string proposal_key(const NodeId& signer, const Command& command) {
    if (const auto* expire = std::get_if<ExpireDeadline>(&command)) {
        return "expire " + std::to_string(expire->run) + " " + std::to_string(expire->deadline_ns) +
               " " + expire->contract;
    }
    if (const auto* exclude = std::get_if<ExcludeMember>(&command)) {
        return "exclude " + std::to_string(exclude->run) + " " + std::to_string(exclude->round) +
               " " + std::to_string(exclude->attempt) + " " + exclude->contract;
    }
    if (const auto* apart = std::get_if<KeepApart>(&command)) {
        return "keep apart " + std::to_string(apart->run) + " " + std::to_string(apart->round) +
               " " + std::to_string(apart->attempt) + " " + apart->contract;
    }
    if (const auto* commit = std::get_if<CommitRound>(&command)) {
        return "commit " + std::to_string(commit->run) + " " + std::to_string(commit->round) + " " +
               std::to_string(commit->attempt) + " " + commit->contract;
    }
    if (const auto* checkpoint = std::get_if<Checkpoint>(&command)) {
        return "checkpoint " + signer.name + " " + std::to_string(checkpoint->index);
    }
    if (const auto* removal = std::get_if<RemoveServers>(&command)) {
        return "remove " + std::to_string(removal->index);
    }
    if (std::holds_alternative<SwarmRules>(command)) {
        return "rules";
    }
    const auto* lose = std::get_if<LoseNode>(&command);
    return lose == nullptr ? "register " + signer.name : "lose " + lose->node.name;
}

}  // namespace

void SnNode::propose(Entry entry, Outbox& out) {
    const bool fresh = entry.session != 0
                           ? pending_.insert({entry.signer, entry.session, entry.sequence}).second
                           : pending_own_.insert(proposal_key(entry.signer, entry.command)).second;
    if (!fresh) {
        return;  // on its way
    }
    last_entry_ns_ = std::max(last_entry_ns_, to_ns(ledger_now()));
    entry.time_ns = last_entry_ns_;
    if (entry.signer == options_.id) {
        entry.signature = options_.signer->sign(command_text(options_.id, 0, 0, entry.command));
    }
    ConsensusOutput output;
    // Refused during a leadership transfer: nodes resend, and timers fire again.
    if (!consensus_->propose(now_, encode_entry(entry), output)) {
        pending_.erase({entry.signer, entry.session, entry.sequence});
        pending_own_.erase(proposal_key(entry.signer, entry.command));
    }
    perform(output, out);
    arm_deadline(out);
}

bool SnNode::is_proposed(const Command& command) const {
    return pending_own_.contains(proposal_key(options_.id, command));
}

void SnNode::perform(ConsensusOutput& output, Outbox& out) {
    for (ConsensusAction& action : output) {
        std::visit(Overloaded{
                       [&](SaveVote& save) { out.persist_vote(save.vote); },
                       [&](AppendRecords& append) {
                           out.persist(append.first, std::move(append.records));
                       },
                       [&](SendConsensus& send) { out.send(send.to, std::move(send.message)); },
                       [&](Committed& committed) { apply(committed.record, out); },
                   },
                   action);
    }
}

/// The first append after a time without a leader tells how much was committed meanwhile.
void SnNode::note_history(std::uint64_t agreed) {
    if ((!led_before_ || misses_leader()) && agreed > entries_) {
        history_ = agreed;
        history_from_ = entries_ + 1;
        history_rounds_ = 0;
    }
    led_before_ = true;
}

void SnNode::tell_history(Outbox& out) {
    report(TraceEvent("history_taken")
               .with("from", history_from_)
               .with("to", history_)
               .with("rounds", history_rounds_)
               .log(Level::info, component,
                    "Took over what was agreed without this SN: ledger entries " +
                        std::to_string(history_from_) + " to " + std::to_string(history_) + ", " +
                        std::to_string(history_rounds_) + " committed rounds among them, head " +
                        short_text(head_)),
           out);
}

void SnNode::apply(const LogRecord& record, Outbox& out) {
    const Bytes bytes = encode_record(record);
    head_ = chain_link(hasher_, head_, record.index, bytes);
    entries_ = record.index;
    applied_term_ = record.term;
    links_.push_back(head_);
    checkpoint_due_ = checkpoint_due_ || entries_ - checkpoint_at_ >= options_.checkpoint_interval;
    status_.mark_changed();
    TraceEvent applied_event = TraceEvent("entry_applied")
                                   .with("index", record.index)
                                   .with("term", record.term)
                                   .with("head", short_text(head_));
    untold_ = record.index <= history_;
    if (record.kind == RecordKind::entry) {
        apply_entry(record, std::move(applied_event), out);
    } else {
        apply_membership(record);
    }
    if (record.kind != RecordKind::entry && is_told(record.index)) {
        const bool barrier = record.kind == RecordKind::barrier;
        report(std::move(applied_event).with("kind", barrier ? "barrier" : "membership"), out);
    }
    untold_ = false;
    if (record.index == history_) {
        tell_history(out);
    }
}

void SnNode::apply_entry(const LogRecord& record, TraceEvent applied_event, Outbox& out) {
    const bool told = is_told(record.index);
    const auto report_applied = [&](std::string_view kind) {
        if (told) {
            report(std::move(applied_event).with("kind", std::string(kind)), out);
        }
    };
    const Result<Entry> entry = decode_entry(record.data);
    if (!entry) {
        // Committed by an SN of another version: all SNs of this version ignore it alike.
        report_applied("unreadable");
        report(TraceEvent("entry_unreadable")
                   .with("index", record.index)
                   .log(Level::error, component,
                        "Ledger entry " + std::to_string(record.index) + " can't be read"),
               out);
        return;
    }
    last_entry_ns_ = std::max(last_entry_ns_, to_ns(time_of(*entry)));
    pending_.erase({entry->signer, entry->session, entry->sequence});
    if (entry->session == 0) {
        pending_own_.erase(proposal_key(entry->signer, entry->command));
    }
    const bool repeated =
        ledger_.answer_of(entry->signer, entry->session, entry->sequence).has_value();
    const Applied applied = ledger_.apply(*entry, record.index);
    for (const LedgerEvent& event : applied.events) {
        if (const auto* changed = std::get_if<RollChanged>(&event)) {
            apply_roll(*changed, out);
        }
    }
    const auto* removal = std::get_if<RemoveServers>(&entry->command);
    if (removal != nullptr) {
        apply_removal(*entry, *removal);
    }
    if (!told) {
        return;
    }
    if (removal != nullptr) {
        tell_removal(*removal, out);
    }
    applied_event = std::move(applied_event)
                        .with("signer", entry->signer.name)
                        .with("session", entry->session)
                        .with("sequence", entry->sequence)
                        .with("answer", static_cast<std::uint64_t>(applied.answer.code))
                        .with("run", applied.answer.run)
                        .with("repeated", repeated ? 1U : 0U);
    report_applied(name_of(entry->command));
    const Errc code = applied.answer.code;
    if (code != Errc::ok && code != Errc::stale && code != Errc::not_found &&
        code != Errc::replaced) {
        deny(entry->signer, applied.answer, out);
    }
    if (const auto* checkpoint = std::get_if<Checkpoint>(&entry->command)) {
        const bool untold = std::exchange(untold_, false);  // a fork is news, however old
        compare_checkpoint(entry->signer, *checkpoint, out);
        untold_ = untold;
    }
    for (const LedgerEvent& event : applied.events) {
        if (const auto* committed = std::get_if<RoundCommitted>(&event)) {
            ++history_rounds_;
            give_back_shares(committed->commit);
        }
        tell(event, out);
    }
    if (record.index > recovered_) {
        answer(*entry, applied.answer, out);
        arm_deadline(out);
    }
}

void SnNode::answer(const Entry& entry, const Answer& answer, Outbox& out) {
    const auto peer = peers_.find(entry.signer);
    // The result carries only the sequence, so it must be of the node's current start.
    if (entry.session != 0 && peer != peers_.end() && peer->second.here &&
        peer->second.session == entry.session) {
        if (peer->second.unanswered && peer->second.unanswered->sequence == entry.sequence) {
            peer->second.unanswered.reset();
        }
        const bool replaced = answer.code == Errc::replaced;
        reply(entry.signer,
              {entry.sequence, answer.code, answer.reason, answer.run,
               replaced ? ledger_.session_of(entry.signer) : 0},
              out);
    }
}

void SnNode::tell(const LedgerEvent& event, Outbox& out) {
    std::visit(
        Overloaded{
            [&](const RollChanged& e) { tell_roll(e, out); },
            [&](const NodeRegistered& e) {
                report(TraceEvent("node_registered")
                           .with("node", e.node.name)
                           .log(e.role == Role::sn ? Level::debug : Level::info, component,
                                "Node " + text_of(e.node) + " is registered, exchange address " +
                                    to_string(e.address) + moved_text(e)),
                       out);
            },
            [&](const MemberEnrolled& e) {
                report(TraceEvent("member_enrolled")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .with("first", e.first ? 1U : 0U)
                           .log(Level::info, component,
                                "Node " + text_of(e.node) + (e.first ? " starts" : " joins") +
                                    " contract '" + e.contract + "'"),
                       out);
            },
            [&](const CheckedIn& e) {
                const Contract* contract = ledger_.find_contract(e.contract);
                report(TraceEvent("checked_in")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .with("round", e.round)
                           .with("here", contract->checked_in_count())
                           .log(Level::debug, component,
                                "Node " + text_of(e.node) + " checked in for round " +
                                    std::to_string(e.round)),
                       out);
            },
            [&](const RoundFrozen& e) {
                RoundMotion& motion = motions_[e.contract];
                motion.began_at = now_;
                motion.longest_gap = {};
                motion.moved = false;
                report(TraceEvent("round_frozen")
                           .with("contract", e.contract)
                           .with("round", e.round)
                           .with("attempt", e.attempt)
                           .with("members", e.members)
                           .log(e.retry ? Level::warning : Level::debug, component,
                                "Round " + std::to_string(e.round) + " attempt " +
                                    std::to_string(e.attempt) + " is on with " +
                                    std::to_string(e.members) + " members"),
                       out);
                push_view(e.contract, out);
            },
            [&](const RoundCommitted& e) {
                report(TraceEvent("round_committed")
                           .with("contract", e.contract)
                           .with("run", ledger_.find_contract(e.contract)->run)
                           .with("round", e.commit.round)
                           .with("attempt", e.commit.attempt)
                           .with("members", e.commit.members.size())
                           .with("digest", to_string(e.commit.digest))
                           .with("final", e.commit.final ? 1U : 0U)
                           .log(Level::info, component,
                                "Round " + std::to_string(e.commit.round) +
                                    " is committed: " + std::to_string(e.commit.members.size()) +
                                    " members, digest " + short_text(e.commit.digest) +
                                    (e.commit.final ? " (final)" : "")),
                       out);
                push_view(e.contract, out);
            },
            [&](const MemberGone& e) {
                report(TraceEvent("member_gone")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .log(Level::error, component,
                                "Member " + text_of(e.node) + (e.lost ? " is lost: " : " left: ") +
                                    e.reason),
                       out);
                push_view(e.contract, out);
            },
            [&](const MemberExcluded& e) {
                report(TraceEvent("member_excluded")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .log(Level::warning, component,
                                "Member " + text_of(e.node) +
                                    " is left out of this round: " + e.reason),
                       out);
                push_view(e.contract, out);
            },
            [&](const MemberDeviated& e) {
                report(
                    TraceEvent("member_deviated")
                        .with("contract", e.contract)
                        .with("node", e.node.name)
                        .with("round", e.round)
                        .with("digest", to_string(e.digest))
                        .with("agreed", to_string(e.agreed))
                        .log(Level::error, component,
                             "Member " + text_of(e.node) + " merged round " +
                                 std::to_string(e.round) + " to " + short_text(e.digest) +
                                 ", most others to " + short_text(e.agreed) +
                                 ": its model of this round is not used (" +
                                 std::to_string(e.times) + " of " + std::to_string(deviations_max) +
                                 " times until it is expelled). Its machine, its program, or "
                                 "the owner of a segment that it was sent is at fault"),
                    out);
            },
            [&](const MembersKeptApart& e) {
                const std::string others = names_text(e.others, "", "'");
                report(TraceEvent("members_kept_apart")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .with("others", others)
                           .with("round", e.round)
                           .log(Level::warning, component,
                                (e.deviated ? "Member " + text_of(e.node) +
                                                  " says that it was sent other bytes than most by "
                                                  "owner " +
                                                  others
                                            : "Nothing moves between member " + text_of(e.node) +
                                                  " and " + others) +
                                    " in round " + std::to_string(e.round) +
                                    ": the other members merge for them in the rest of this run. " +
                                    (e.deviated ? "One of the two is at fault"
                                                : "Look at the network between them")),
                       out);
            },
            [&](const ContributionNotFinite& e) {
                report(
                    TraceEvent("member_not_finite")
                        .with("contract", e.contract)
                        .with("node", e.node.name)
                        .with("by", e.by.name)
                        .with("round", e.round)
                        .log(Level::error, component,
                             "Parameters of member " + text_of(e.node) + " in round " +
                                 std::to_string(e.round) + " hold NaN or infinity" +
                                 (e.by == e.node ? "" : ", as member " + text_of(e.by) + " says") +
                                 (e.left_out ? ": not merged" : ": merged as they are") + " (" +
                                 std::to_string(e.times) + " rounds of this run so far)"),
                    out);
            },
            [&](const ContractEnded& e) {
                const bool complete = e.phase == ContractPhase::complete;
                report(
                    TraceEvent("contract_ended")
                        .with("contract", e.contract)
                        .with("run", ledger_.find_contract(e.contract)->run)
                        .with("phase", std::string(to_string(e.phase)))
                        .log(complete ? Level::info : Level::error, component,
                             "Contract '" + e.contract + "' is " + std::string(to_string(e.phase)) +
                                 (complete ? "" : ": " + e.reason)),
                    out);
                push_view(e.contract, out);
                reports_.erase(e.contract);
                checkpoint_due_ = true;
            },
        },
        event);
}

void SnNode::push_view(const std::string& name, Outbox& out) {
    if (untold_) {
        return;  // the newest one is on its way
    }
    const Contract* contract = ledger_.find_contract(name);
    const ContractView view = view_of(*contract);
    for (const auto& [id, member] : contract->members) {
        const auto peer = peers_.find(id);
        if (peer != peers_.end() && peer->second.here) {
            out.send(id, ViewUpdate{view});
        }
    }
}

}  // namespace starling
