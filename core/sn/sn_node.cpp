#include "core/sn/sn_node.hpp"

#include <algorithm>

#include "core/base/overloaded.hpp"
#include "core/sn/sn_status.hpp"

namespace starling {
namespace {

constexpr std::string_view component = "swarm.SN";

enum Timer : std::uint32_t { lease_timer = 1, contract_timer = 2, status_timer = 3 };

std::string text_of(const NodeId& node) { return "'" + node.name + "'"; }

class SnNode final : public Node {
public:
    SnNode(SnNodeOptions options, const Hasher& hasher)
        : options_(std::move(options)), hasher_(hasher), consensus_(make_single_consensus()) {}

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::sn; }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        now_ = now;
        std::visit(Overloaded{
                       [&](const Started&) { start(effects); },
                       [&](const PeerUp& up) { on_peer_up(up); },
                       [&](const PeerLost& lost) { on_peer_lost(lost); },
                       [&](const ConnectFailed&) {},
                       [&](const FrameReceived& received) { on_frame(received, effects); },
                       [&](const TimerDue& due) { on_timer(due, effects); },
                       [&](const WorkDone&) {},
                       [&](const StopRequested& stop) { on_stop(stop, effects); },
                   },
                   input);
        status_.tell_followers(status_source(), effects);
    }

private:
    using Peer = SnPeer;

    void start(std::vector<Effect>& effects);
    void on_peer_up(const PeerUp& up);
    void on_peer_lost(const PeerLost& lost);
    void on_frame(const FrameReceived& received, std::vector<Effect>& effects);
    void on_command(const NodeId& from, const SubmitCommand& submit, std::vector<Effect>& effects);
    void on_heartbeat(const NodeId& from, const Heartbeat& beat, std::vector<Effect>& effects);
    void on_timer(const TimerDue& due, std::vector<Effect>& effects);
    void on_stop(const StopRequested& stop, std::vector<Effect>& effects);

    /// Ledger time: goes on from where an earlier start of this node left it.
    SwarmTime ledger_now() const { return now_ + ledger_offset_; }
    void propose(Entry entry, std::vector<Effect>& effects);
    void apply(const LogRecord& record, bool quiet, std::vector<Effect>& effects);
    void tell(const LedgerEvent& event, std::vector<Effect>& effects);
    void push_view(const std::string& contract, std::vector<Effect>& effects);
    SnStatusSource status_source() const {
        return {options_.id, options_.api_address, ledger_, peers_, head_, entries_,
                now_,        ledger_now(),         started_};
    }
    void check_leases(std::vector<Effect>& effects);
    void check_deadlines(std::vector<Effect>& effects);
    void arm_deadline(std::vector<Effect>& effects);
    void report(TraceEvent event, std::vector<Effect>& effects) const {
        effects.push_back(Report{std::move(event)});
    }

    SnNodeOptions options_;
    const Hasher& hasher_;
    std::unique_ptr<Consensus> consensus_;
    Ledger ledger_;
    Digest head_;  ///< SHA-256 over the previous head and the entry, from the first entry on
    std::uint64_t entries_ = 0;
    std::map<NodeId, Peer> peers_;
    SnStatus status_{status_timer};
    SwarmTime now_{};
    SwarmTime started_{};
    SwarmDuration ledger_offset_{0};
    std::int64_t last_entry_ns_ = 0;
};

void SnNode::start(std::vector<Effect>& effects) {
    started_ = now_;
    ConsensusOutput output;
    const std::size_t recovered = options_.recovered.size();
    consensus_->recover(std::move(options_.recovered), output);
    for (const LogRecord& record : output.committed) {
        apply(record, true, effects);
    }
    ledger_offset_ = std::max(SwarmDuration{0}, from_ns(last_entry_ns_) - now_);
    for (const auto& [id, node] : ledger_.nodes()) {
        // Those that were up have their lease to come back; the log does not say who was connected.
        peers_[id] = {false, node.role, now_, now_};
    }
    if (recovered > 0) {
        report(TraceEvent("ledger_recovered")
                   .with("entries", recovered)
                   .log(Level::info, component,
                        "Recovered " + std::to_string(recovered) + " ledger entries, head " +
                            short_text(head_)),
               effects);
    }
    report(
        TraceEvent("api_ready")
            .with("port", options_.api_address.port)
            .log(Level::info, "swarm.blCnt",
                 "Starting SWARM-API-SERVER on port: " + std::to_string(options_.api_address.port)),
        effects);
    effects.push_back(SetTimer{lease_timer, now_ + options_.check_interval});
    arm_deadline(effects);
}

void SnNode::on_peer_up(const PeerUp& up) {
    peers_[up.peer] = {true, up.role, now_, now_, true};
    status_.on_peer_lost(up.peer);  // a new connection asks anew
    status_.mark_changed();
}

void SnNode::on_peer_lost(const PeerLost& lost) {
    Peer& peer = peers_[lost.peer];
    peer.connected = false;
    peer.lost_at = now_;
    status_.on_peer_lost(lost.peer);
    status_.mark_changed();
}

void SnNode::on_frame(const FrameReceived& received, std::vector<Effect>& effects) {
    Peer& peer = peers_[received.from];
    peer.last_heard = now_;
    peer.heard = true;
    if (const auto* submit = std::get_if<SubmitCommand>(&received.frame.message)) {
        on_command(received.from, *submit, effects);
    } else if (const auto* beat = std::get_if<Heartbeat>(&received.frame.message)) {
        on_heartbeat(received.from, *beat, effects);
    } else if (const auto* query = std::get_if<StatusQuery>(&received.frame.message)) {
        status_.on_query(received.from, *query, status_source(), effects);
    } else {
        report(TraceEvent("frame_ignored")
                   .with("peer", received.from.name)
                   .with("type", std::string(type_name(received.frame.message))),
               effects);
    }
}

void SnNode::on_command(const NodeId& from, const SubmitCommand& submit,
                        std::vector<Effect>& effects) {
    const bool own_business = std::holds_alternative<ExpireDeadline>(submit.command) ||
                              std::holds_alternative<LoseNode>(submit.command);
    const auto* registration = std::get_if<RegisterNode>(&submit.command);
    if (own_business || submit.session == 0 || peers_[from].role != Role::sl ||
        (registration != nullptr && registration->role != Role::sl)) {
        effects.push_back(Send{from,
                               {CommandResult{submit.sequence, Errc::refused,
                                              "a node of this role may not say that", 0},
                                {}}});
        return;
    }
    std::optional<Answer> answer = ledger_.answer_of(from, submit.session, submit.sequence);
    if (!answer) {
        propose({0, from, submit.session, submit.sequence, submit.command}, effects);
        answer = ledger_.answer_of(from, submit.session, submit.sequence);
        STARLING_INVARIANT(answer.has_value(), "an entry of a group of one is applied at once");
    }
    effects.push_back(Send{
        from, {CommandResult{submit.sequence, answer->code, answer->reason, answer->run}, {}}});
}

void SnNode::on_heartbeat(const NodeId& from, const Heartbeat& beat, std::vector<Effect>& effects) {
    const auto node = ledger_.nodes().find(from);
    if (node != ledger_.nodes().end() && node->second.lost) {
        effects.push_back(Send{from,
                               {CommandResult{0, Errc::stale,
                                              "this node was silent for longer than its lease and "
                                              "was taken for lost",
                                              0},
                                {}}});
        return;
    }
    const Contract* contract = ledger_.find_contract(beat.contract);
    if (contract != nullptr && contract->run == beat.run &&
        contract->version > beat.known_version) {
        effects.push_back(Send{from, {ViewUpdate{view_of(*contract)}, {}}});
    } else {
        effects.push_back(Send{from, {CommandResult{0, Errc::ok, "", 0}, {}}});
    }
}

void SnNode::propose(Entry entry, std::vector<Effect>& effects) {
    last_entry_ns_ = std::max(last_entry_ns_, to_ns(ledger_now()));
    entry.time_ns = last_entry_ns_;
    ConsensusOutput output;
    const Result<void> proposed = consensus_->propose(encode_entry(entry), output);
    STARLING_INVARIANT(proposed.has_value(), "a group of one always leads");
    for (const LogRecord& record : output.persist) {
        effects.push_back(Persist{record.index, record.bytes});
    }
    for (const LogRecord& record : output.committed) {
        apply(record, false, effects);
    }
    arm_deadline(effects);
}

void SnNode::apply(const LogRecord& record, bool quiet, std::vector<Effect>& effects) {
    const Result<Entry> entry = decode_entry(record.bytes);
    STARLING_INVARIANT(entry.has_value(), "the store checked its chain, and we wrote it");
    const std::array<ByteView, 2> chained = {ByteView(head_.bytes), ByteView(record.bytes)};
    head_ = hasher_.digest(std::span<const ByteView>(chained));
    last_entry_ns_ = std::max(last_entry_ns_, entry->time_ns);
    const Applied applied = ledger_.apply(*entry, record.index);
    entries_ = record.index;
    status_.mark_changed();
    if (quiet) {
        return;
    }
    report(TraceEvent("entry_applied")
               .with("index", record.index)
               .with("signer", entry->signer.name)
               .with("answer", static_cast<std::uint64_t>(applied.answer.code))
               .with("head", short_text(head_)),
           effects);
    if (applied.answer.code != Errc::ok && applied.answer.code != Errc::stale &&
        applied.answer.code != Errc::not_found) {
        report(TraceEvent("command_denied")
                   .with("node", entry->signer.name)
                   .log(Level::warning, component,
                        "Refused " + text_of(entry->signer) + ": " + applied.answer.reason),
               effects);
    }
    for (const LedgerEvent& event : applied.events) {
        tell(event, effects);
    }
}

void SnNode::tell(const LedgerEvent& event, std::vector<Effect>& effects) {
    std::visit(
        Overloaded{
            [&](const NodeRegistered& e) {
                report(TraceEvent("node_registered")
                           .with("node", e.node.name)
                           .log(Level::info, component,
                                "Node " + text_of(e.node) + " is registered, exchange address " +
                                    to_string(e.address)),
                       effects);
            },
            [&](const MemberEnrolled& e) {
                report(TraceEvent("member_enrolled")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .with("first", e.first ? 1U : 0U)
                           .log(Level::info, component,
                                "Node " + text_of(e.node) + (e.first ? " starts" : " joins") +
                                    " contract '" + e.contract + "'"),
                       effects);
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
                       effects);
            },
            [&](const RoundFrozen& e) {
                report(TraceEvent("round_frozen")
                           .with("contract", e.contract)
                           .with("round", e.round)
                           .with("attempt", e.attempt)
                           .with("members", e.members)
                           .log(e.retry ? Level::warning : Level::debug, component,
                                "Round " + std::to_string(e.round) + " attempt " +
                                    std::to_string(e.attempt) + " is on with " +
                                    std::to_string(e.members) + " members"),
                       effects);
                push_view(e.contract, effects);
            },
            [&](const RoundCommitted& e) {
                report(TraceEvent("round_committed")
                           .with("contract", e.contract)
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
                       effects);
                push_view(e.contract, effects);
            },
            [&](const MemberGone& e) {
                report(TraceEvent("member_gone")
                           .with("contract", e.contract)
                           .with("node", e.node.name)
                           .log(Level::error, component,
                                "Member " + text_of(e.node) + (e.lost ? " is lost: " : " left: ") +
                                    e.reason),
                       effects);
                push_view(e.contract, effects);
            },
            [&](const ContractEnded& e) {
                const bool complete = e.phase == ContractPhase::complete;
                report(
                    TraceEvent("contract_ended")
                        .with("contract", e.contract)
                        .with("phase", std::string(to_string(e.phase)))
                        .log(complete ? Level::info : Level::error, component,
                             "Contract '" + e.contract + "' is " + std::string(to_string(e.phase)) +
                                 (complete ? "" : ": " + e.reason)),
                    effects);
                push_view(e.contract, effects);
            },
        },
        event);
}

void SnNode::push_view(const std::string& name, std::vector<Effect>& effects) {
    const Contract* contract = ledger_.find_contract(name);
    const ContractView view = view_of(*contract);
    for (const auto& [id, member] : contract->members) {
        const auto peer = peers_.find(id);
        if (peer != peers_.end() && peer->second.connected) {
            effects.push_back(Send{id, {ViewUpdate{view}, {}}});
        }
    }
}

void SnNode::on_timer(const TimerDue& due, std::vector<Effect>& effects) {
    if (due.timer == lease_timer) {
        check_leases(effects);
        effects.push_back(SetTimer{lease_timer, now_ + options_.check_interval});
    } else if (due.timer == contract_timer) {
        check_deadlines(effects);
    }
}

void SnNode::check_leases(std::vector<Effect>& effects) {
    std::vector<std::pair<NodeId, std::string>> gone;
    for (const auto& [id, node] : ledger_.nodes()) {
        const Peer& peer = peers_[id];
        if (node.lost || node.role != Role::sl) {
            continue;
        }
        if (!peer.connected && now_ - peer.lost_at > options_.reconnect_limit) {
            gone.emplace_back(id, "its connection was cut and it did not come back");
        } else if (peer.connected && now_ - peer.last_heard > options_.lease) {
            gone.emplace_back(id, "nothing was heard of it for " +
                                      std::to_string(static_cast<int>(to_seconds(options_.lease))) +
                                      " s");
        }
    }
    for (auto& [id, reason] : gone) {
        propose({0, options_.id, 0, 0, LoseNode{id, std::move(reason)}}, effects);
    }
}

void SnNode::check_deadlines(std::vector<Effect>& effects) {
    std::vector<ExpireDeadline> due;
    for (const auto& [name, contract] : ledger_.contracts()) {
        if (contract.deadline && *contract.deadline <= ledger_now()) {
            due.push_back({name, contract.run, to_ns(*contract.deadline)});
        }
    }
    for (ExpireDeadline& expire : due) {
        propose({0, options_.id, 0, 0, std::move(expire)}, effects);
    }
    arm_deadline(effects);
}

void SnNode::arm_deadline(std::vector<Effect>& effects) {
    std::optional<SwarmTime> earliest;
    for (const auto& [name, contract] : ledger_.contracts()) {
        if (contract.deadline && (!earliest || *contract.deadline < *earliest)) {
            earliest = contract.deadline;
        }
    }
    if (earliest) {
        effects.push_back(SetTimer{contract_timer, std::max(now_, *earliest - ledger_offset_)});
    } else {
        effects.push_back(CancelTimer{contract_timer});
    }
}

void SnNode::on_stop(const StopRequested& stop, std::vector<Effect>& effects) {
    report(TraceEvent("node_stopped")
               .with("code", static_cast<std::uint64_t>(exit_code::ok))
               .with("head", to_string(head_))
               .log(Level::info, component,
                    "Stopping (" + stop.reason + "), ledger head " + short_text(head_)),
           effects);
    effects.push_back(Stop{exit_code::ok, stop.reason});
}

}  // namespace

std::unique_ptr<Node> make_sn_node(SnNodeOptions options, const Hasher& hasher) {
    return std::make_unique<SnNode>(std::move(options), hasher);
}

}  // namespace starling
