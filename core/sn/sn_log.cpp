// Proposes entries, carries out what the consensus asks for, and applies committed records. Actions
// are carried out in the order in which the consensus gives them: a record is durable before a
// message says so (rule R1). Every SN applies the same records in the same order, so what the
// ledger answers is the same on all of them; log lines and answers to nodes are this SN's own.
#include <algorithm>
#include <set>

#include "core/base/overloaded.hpp"
#include "core/sn/detail/sn_dispatcher.hpp"
#include "core/sn/ledger_news.hpp"

namespace starling {
namespace {

/// The contract whose members get its state at once; nullptr: with their next heartbeat.
const std::string* contract_with_new_view(const LedgerEvent& event) {
    return std::visit(Overloaded{
                          [](const RoundFrozen& e) { return &e.contract; },
                          [](const RoundCommitted& e) { return &e.contract; },
                          [](const MemberGone& e) { return &e.contract; },
                          [](const MemberExcluded& e) { return &e.contract; },
                          [](const ContractEnded& e) { return &e.contract; },
                          [](const auto&) -> const std::string* { return nullptr; },
                      },
                      event);
}

}  // namespace

void SnNode::propose(Entry entry, Outbox& out) {
    if (!log_.prepare(entry, now_)) {
        return;  // on its way
    }
    if (entry.signer == options_.id) {
        entry.signature = options_.signer->sign(command_text(options_.id, 0, 0, entry.command));
    }
    ConsensusOutput output;
    log_.propose(entry, now_, output);
    perform(output, out);
    arm_deadline(out);
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

void SnNode::report_history(Outbox& out) {
    const LogHistory& history = log_.history();
    report(TraceEvent("history_taken")
               .with("from", history.first)
               .with("to", history.last)
               .with("rounds", history.rounds)
               .log(Level::info, component,
                    "Applied what was committed without this SN: ledger entries " +
                        std::to_string(history.first) + " to " + std::to_string(history.last) +
                        ", " + std::to_string(history.rounds) +
                        " committed rounds among them, head " + short_text(log_.applied().head())),
           out);
}

void SnNode::begin_behind(const LedgerSnapshot& snapshot, Outbox& out) {
    log_.begin_behind(snapshot);
    for (auto& [id, peer] : peers_) {
        peer.registered = nullptr;  // of the ledger that was there before
    }
    removed_.history() = snapshot.servers;
    apply_roll(RollChanged{std::nullopt, ""}, out);  // the pins of all names
    if (options_.memory.link) {
        keep_snapshot(snapshot.index(), log_.make_snapshot(removed_.history()));
    }
}

void SnNode::apply(const LogRecord& record, Outbox& out) {
    log_.applied().append(record);
    status_.mark_changed();
    TraceEvent applied_event = TraceEvent("entry_applied")
                                   .with("index", record.index)
                                   .with("term", record.term)
                                   .with("head", short_text(log_.applied().head()));
    log_.history().in_silence = record.index <= log_.history().last;
    if (record.kind == RecordKind::entry) {
        apply_entry(record, std::move(applied_event), out);
    } else {
        removed_.history().apply_membership(record);
    }
    if (record.kind != RecordKind::entry && is_reported(record.index)) {
        const bool barrier = record.kind == RecordKind::barrier;
        report(std::move(applied_event).with("kind", barrier ? "barrier" : "membership"), out);
    }
    log_.history().in_silence = false;
    if (record.index == log_.history().last) {
        report_history(out);
    }
    if (log_.schedule().count(record)) {
        Bytes snapshot = log_.make_snapshot(removed_.history());
        keep_snapshot(record.index, snapshot);
        out.persist_snapshot(std::move(snapshot));
    }
}

void SnNode::apply_entry(const LogRecord& record, TraceEvent applied_event, Outbox& out) {
    const bool reported = is_reported(record.index);
    const auto report_applied = [&](std::string_view kind) {
        if (reported) {
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
                        "Ledger entry " + std::to_string(record.index) + " can't be decoded"),
               out);
        return;
    }
    const bool repeated =
        ledger().answer_of(entry->signer, entry->session, entry->sequence).has_value();
    const Applied applied = log_.apply(*entry, record.index);
    for (const LedgerEvent& event : applied.events) {
        if (const auto* changed = std::get_if<RollChanged>(&event)) {
            apply_roll(*changed, out);
        }
    }
    const auto* removal = std::get_if<RemoveServers>(&entry->command);
    if (removal != nullptr) {
        removed_.history().apply_removal(*entry, *removal, ledger().nodes());
    }
    if (!reported) {
        return;
    }
    if (removal != nullptr) {
        report_removal(*removal, out);
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
        compare_checkpoint(entry->signer, *checkpoint, out);
    }
    for (const LedgerEvent& event : applied.events) {
        if (const auto* committed = std::get_if<RoundCommitted>(&event)) {
            ++log_.history().rounds;
            signers_.shares.give_back(committed->commit);
        }
        on_ledger_event(event, out);
    }
    push_views(applied.events, out);
    if (const auto* part = std::get_if<RecordReports>(&entry->command)) {
        reports_.note_recorded(part->contract);
    }
    if (record.index > log_.history().recovered) {
        answer(*entry, applied.answer, out);
        arm_deadline(out);
    }
}

void SnNode::answer(const Entry& entry, const Answer& answer, Outbox& out) {
    const auto peer = peers_.find(entry.signer);
    // The result names the start: a newer one may have connected, which this SN has not heard of
    // yet.
    if (entry.session != 0 && peer != peers_.end() && peer->second.here &&
        peer->second.session == entry.session) {
        if (peer->second.unanswered && peer->second.unanswered->sequence == entry.sequence) {
            peer->second.unanswered.reset();
        }
        const bool replaced = answer.code == Errc::replaced;
        reply(entry.signer,
              {entry.sequence, answer.code, answer.reason, answer.run,
               replaced ? ledger().session_of(entry.signer) : entry.session},
              out);
    }
}

/// Reports a change of the ledger.
void SnNode::on_ledger_event(const LedgerEvent& event, Outbox& out) {
    if (const auto* roll = std::get_if<RollChanged>(&event)) {
        report_roll(*roll, out);
        return;
    }
    if (const auto* frozen = std::get_if<RoundFrozen>(&event)) {
        motions_.begin_attempt(frozen->contract, now_);
    }
    report(event_of(event, ledger()), out);
    if (const auto* ended = std::get_if<ContractEnded>(&event)) {
        reports_.forget(ended->contract);
        log_.applied().request_checkpoint();
    }
}

/// Once for each contract that the events of an entry have changed.
void SnNode::push_views(const std::vector<LedgerEvent>& events, Outbox& out) {
    std::set<std::string> changed;
    for (const LedgerEvent& event : events) {
        if (const std::string* contract = contract_with_new_view(event)) {
            changed.insert(*contract);
        }
    }
    for (const std::string& contract : changed) {
        push_view(contract, out);
    }
}

void SnNode::push_view(const std::string& name, Outbox& out) {
    if (!log_.history().in_silence) {  // else the newest one is on its way
        views_.pushes[name].left = ledger().find_contract(name)->members.size();
        push_to_next(name, out);
    }
}

/// The others follow when this SN has seen what has come meanwhile. With all of a large swarm at
/// once, so many frames would be in memory together.
void SnNode::push_to_next(const std::string& name, Outbox& out) {
    constexpr std::size_t at_once = 4096;
    constexpr SwarmDuration pause = std::chrono::milliseconds(1);
    const Contract* contract = ledger().find_contract(name);
    Push& push = views_.pushes[name];
    push.left = contract == nullptr ? 0 : std::min(push.left, contract->members.size());
    if (push.left == 0) {
        views_.pushes.erase(name);
        return;
    }
    const ViewUpdate update = views_.lists.update_of(*contract, ledger());
    const std::size_t some = std::min(push.left, at_once);
    out.reserve(some);
    auto member = contract->members.upper_bound(push.after);
    for (std::size_t told = 0; told < some; ++told, ++member) {
        member = member == contract->members.end() ? contract->members.begin() : member;
        push.after = member->first;
        const auto peer = peers_.find(push.after);
        if (peer != peers_.end() && peer->second.here) {
            peer->second.sent_view = {update.view.name, update.view.version, now_};
            out.send(push.after, update);
        }
    }
    push.left -= some;
    if (push.left > 0) {
        out.set_timer(view_timer, now_ + pause);
    } else {
        views_.pushes.erase(name);
    }
}

void SnNode::push_on(Outbox& out) {
    const std::map<std::string, Push> pushes = views_.pushes;
    for (const auto& [contract, push] : pushes) {
        push_to_next(contract, out);
    }
}

}  // namespace starling
