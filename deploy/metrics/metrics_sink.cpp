#include "deploy/metrics/metrics_sink.hpp"

#include <algorithm>

#include "core/base/version.hpp"
#include "core/trace/event_fields.hpp"
#include "core/wire/codec.hpp"

namespace starling {
namespace {

std::string_view text_of(const TraceEvent& event, std::string_view key) {
    return EventFields(event).text(key);
}

std::uint64_t count_of(const TraceEvent& event, std::string_view key) {
    return EventFields(event).number(key).value_or(0);
}

double as_double(std::uint64_t number) { return static_cast<double>(number); }

}  // namespace

MetricsSink::MetricsSink(NodeId node, Role role, TraceSink& next)
    : node_(std::move(node)), role_(role), next_(next) {}

void MetricsSink::report(SwarmTime time, const NodeId& node, const TraceEvent& event) {
    {
        const std::lock_guard lock(mutex_);
        count(time, event);
    }
    next_.report(time, node, event);
}

void MetricsSink::look(const Input& input) {
    const std::lock_guard lock(mutex_);
    if (const auto* up = std::get_if<PeerUp>(&input)) {
        up_[up->peer] = up->role;
        ++connections_[up->role].opened;
    } else if (const auto* lost = std::get_if<PeerLost>(&input)) {
        if (const auto peer = up_.find(lost->peer); peer != up_.end()) {
            ++connections_[peer->second].lost;
            up_.erase(peer);
        }
    } else if (std::holds_alternative<ConnectFailed>(input)) {
        ++connect_failures_;
    }
}

void MetricsSink::count_refused() {
    const std::lock_guard lock(mutex_);
    ++refused_;
}

void MetricsSink::count(SwarmTime time, const TraceEvent& event) {
    if (!event.text.empty()) {
        warnings_ += event.level == Level::warning ? 1 : 0;
        errors_ += event.level == Level::error ? 1 : 0;
    }
    if (role_ == Role::sn) {
        count_sn(time, event);
    } else {
        count_sl(time, event);
    }
}

void MetricsSink::committed(SwarmTime time, const TraceEvent& event, ContractFigures& figures) {
    ++figures.committed;
    figures.round = count_of(event, "round") + (text_of(event, "final") == "1" ? 0 : 1);
    figures.attempt = 0;
    figures.round_members = count_of(event, "members");
    if (figures.first_check_in) {
        figures.check_in_to_commit.observe(to_seconds(time - *figures.first_check_in));
    }
    if (figures.last_commit) {
        figures.round_duration.observe(to_seconds(time - *figures.last_commit));
    }
    figures.last_commit = time;
    figures.first_check_in.reset();
}

void MetricsSink::count_sn(SwarmTime time, const TraceEvent& event) {
    if (event.name == "entry_applied") {
        entries_ = count_of(event, "index");
        return;
    }
    if (event.name == "ledger_recovered") {
        entries_ = count_of(event, "entries");
        return;
    }
    if (event.name == "command_denied") {
        ++denied_;
        return;
    }
    if (event.name == "leader_elected" || event.name == "leader_ended" ||
        event.name == "leader_known") {
        leads_ = event.name == "leader_elected" || (leads_ && event.name == "leader_known");
        term_ = std::max(term_, count_of(event, "term"));
        return;
    }
    const std::string_view contract = text_of(event, "contract");
    if (contract.empty()) {
        return;
    }
    ContractFigures& figures = contracts_[std::string(contract)];
    if (event.name == "member_enrolled") {
        if (text_of(event, "first") == "1") {  // a new run
            figures.members.clear();
            figures.round = 0;
            figures.attempt = 0;
            figures.first_check_in.reset();
            figures.last_commit.reset();
        }
        figures.members.emplace(text_of(event, "node"));
    } else if (event.name == "member_gone") {
        figures.members.erase(std::string(text_of(event, "node")));
        ++figures.members_gone;
    } else if (event.name == "member_deviated") {
        ++figures.deviated[std::string(text_of(event, "node"))];
    } else if (event.name == "member_not_finite") {
        ++figures.not_finite[std::string(text_of(event, "node"))];
    } else if (event.name == "checked_in") {
        figures.first_check_in = figures.first_check_in.value_or(time);
    } else if (event.name == "round_frozen") {
        ++figures.attempts;
        figures.round = count_of(event, "round");
        figures.attempt = count_of(event, "attempt");
        figures.exchange_began = time;
    } else if (event.name == "round_committed") {
        if (figures.exchange_began) {
            figures.exchange_duration.observe(to_seconds(time - *figures.exchange_began));
        }
        committed(time, event, figures);
    } else if (event.name == "contract_ended") {
        ++figures.ended[std::string(text_of(event, "phase"))];
    }
}

void MetricsSink::count_sl(SwarmTime time, const TraceEvent& event) {
    if (event.name == "session_opened") {
        contract_ = text_of(event, "contract");
        contracts_[contract_];
        return;
    }
    ContractFigures& figures = contracts_[contract_];
    if (event.name == "check_in") {
        figures.first_check_in = time;
        samples_ += count_of(event, "samples");
        epochs_ = count_of(event, "epochs");
        if (const auto millionths = EventFields(event).number("loss_millionths")) {
            last_loss_ = as_double(*millionths) / 1e6;
        }
    } else if (event.name == "own_parameters_not_finite") {
        ++not_finite_;
    } else if (event.name == "exchange_begin") {
        ++figures.attempts;
        figures.round = count_of(event, "round");
        figures.attempt = count_of(event, "attempt");
        figures.exchange_began = time;
    } else if (event.name == "exchange_done") {
        sent_bytes_ += count_of(event, "sent_bytes");
        received_bytes_ += count_of(event, "received_bytes");
        if (figures.exchange_began) {
            figures.exchange_duration.observe(to_seconds(time - *figures.exchange_began));
        }
    } else if (event.name == "round_done") {
        committed(time, event, figures);
    }
}

std::string MetricsSink::text() const {
    const std::lock_guard lock(mutex_);
    Exposition out;
    write_node(out);
    write_rounds(out);
    if (role_ == Role::sn) {
        write_sn(out);
    } else {
        write_sl(out);
    }
    return out.take();
}

void MetricsSink::write_node(Exposition& out) const {
    out.family("starling_build_info", "gauge", "Always 1; the labels say what runs.");
    out.sample({{"node", node_.name},
                {"role", std::string(to_string(role_))},
                {"version", std::string(program_version())},
                {"wire_version", std::to_string(wire_version)}},
               1);
    out.family("starling_uptime_seconds", "gauge", "Time since this node started.");
    out.sample({},
               std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());

    std::map<Role, std::uint64_t> up;
    for (const auto& [peer, role] : up_) {
        ++up[role];
    }
    const auto label = [](Role role) { return Labels{{"role", std::string(to_string(role))}}; };
    out.family("starling_connections", "gauge", "Connections that are up, by the peer's role.");
    for (const auto& [role, figures] : connections_) {
        out.sample(label(role), as_double(up[role]));
    }
    out.family("starling_connections_opened_total", "counter", "Connections that came up.");
    for (const auto& [role, figures] : connections_) {
        out.sample(label(role), as_double(figures.opened));
    }
    out.family("starling_connections_lost_total", "counter",
               "Connections that were cut or replaced by a newer one.");
    for (const auto& [role, figures] : connections_) {
        out.sample(label(role), as_double(figures.lost));
    }
    out.family("starling_connect_failures_total", "counter",
               "Attempts of this node to reach a peer that came to nothing.");
    out.sample({}, as_double(connect_failures_));
    out.family("starling_connections_refused_total", "counter",
               "Peers that were turned away or broke the rules of the connection.");
    out.sample({}, as_double(refused_));
    out.family("starling_log_messages_total", "counter",
               "Lines of the node in the log, of level warning and above.");
    out.sample({{"level", "warning"}}, as_double(warnings_));
    out.sample({{"level", "error"}}, as_double(errors_));
}

void MetricsSink::write_rounds(Exposition& out) const {
    const auto each = [&](auto value) {
        for (const auto& [name, figures] : contracts_) {
            if (!name.empty()) {
                out.sample({{"contract", name}}, value(figures));
            }
        }
    };
    out.family("starling_rounds_committed_total", "counter",
               "Rounds this node has seen committed since it started.");
    each([](const ContractFigures& f) { return as_double(f.committed); });
    out.family("starling_current_round", "gauge",
               "Number of the round that is on; after the final one, its number.");
    each([](const ContractFigures& f) { return as_double(f.round); });
    out.family("starling_current_attempt", "gauge", "Number of the attempt at it, from 0.");
    each([](const ContractFigures& f) { return as_double(f.attempt); });
    out.family("starling_round_attempts_total", "counter",
               "Attempts at rounds; more than rounds if members were lost in one.");
    each([](const ContractFigures& f) { return as_double(f.attempts); });
    out.family("starling_last_round_members", "gauge", "Members of the last committed round.");
    each([](const ContractFigures& f) { return as_double(f.round_members); });
    out.family("starling_round_duration_seconds", "histogram",
               "From one commit to the next: training, waiting and exchange.");
    each([](const ContractFigures& f) { return f.round_duration; });
    out.family("starling_checkin_to_commit_seconds", "histogram",
               role_ == Role::sn ? "From the first check-in of a round to its commit."
                                 : "From this member's check-in for a round to its commit.");
    each([](const ContractFigures& f) { return f.check_in_to_commit; });
    out.family("starling_exchange_duration_seconds", "histogram",
               role_ == Role::sn ? "From the start of the last attempt at a round to its commit."
                                 : "From the start of an attempt until all is merged and hashed.");
    each([](const ContractFigures& f) { return f.exchange_duration; });
}

void MetricsSink::write_sn(Exposition& out) const {
    out.family("starling_ledger_entries", "gauge", "Records in the log of the ledger.");
    out.sample({}, as_double(entries_));
    out.family("starling_ledger_leads", "gauge",
               "1 if this SN leads the ledger, as far as it knows; one of all SNs does.");
    out.sample({}, leads_ ? 1 : 0);
    out.family("starling_ledger_term", "gauge", "Newest term of a leader that this SN knows.");
    out.sample({}, as_double(term_));
    out.family("starling_commands_denied_total", "counter",
               "Commands of nodes that the ledger did not accept.");
    out.sample({}, as_double(denied_));
    out.family("starling_members", "gauge", "Members of the contract that are in it now.");
    for (const auto& [name, figures] : contracts_) {
        out.sample({{"contract", name}}, as_double(figures.members.size()));
    }
    out.family("starling_members_gone_total", "counter", "Members that left or were lost.");
    for (const auto& [name, figures] : contracts_) {
        out.sample({{"contract", name}}, as_double(figures.members_gone));
    }
    const auto each_member = [&](const char* family, const char* help, auto rounds_of) {
        out.family(family, "counter", help);
        for (const auto& [name, figures] : contracts_) {
            for (const auto& [member, rounds] : rounds_of(figures)) {
                out.sample({{"contract", name}, {"member", member}}, as_double(rounds));
            }
        }
    };
    each_member("starling_deviating_merges_total",
                "Rounds that the member merged to other bytes than most others.",
                [](const ContractFigures& f) { return f.deviated; });
    each_member("starling_non_finite_contributions_total",
                "Rounds in which the member's parameters held NaN or infinity.",
                [](const ContractFigures& f) { return f.not_finite; });
    out.family("starling_contracts_ended_total", "counter",
               "Runs of the contract that ended, by how.");
    for (const auto& [name, figures] : contracts_) {
        for (const char* phase : {"complete", "aborted"}) {
            const auto ended = figures.ended.find(phase);
            out.sample({{"contract", name}, {"phase", phase}},
                       as_double(ended == figures.ended.end() ? 0 : ended->second));
        }
    }
}

void MetricsSink::write_sl(Exposition& out) const {
    out.family("starling_exchange_sent_bytes_total", "counter",
               "Parameters sent to other members, counted when an exchange is done.");
    out.sample({}, as_double(sent_bytes_));
    out.family("starling_exchange_received_bytes_total", "counter",
               "Parameters taken from other members, counted when an exchange is done.");
    out.sample({}, as_double(received_bytes_));
    out.family("starling_trained_samples_total", "counter",
               "Samples that this member's training has seen, as its check-ins say.");
    out.sample({}, as_double(samples_));
    out.family("starling_epochs_done", "gauge", "Epochs that its training has finished.");
    out.sample({}, as_double(epochs_));
    out.family("starling_last_loss", "gauge",
               "Loss of the local training at the last check-in that brought one.");
    if (last_loss_) {
        out.sample({}, *last_loss_);
    }
    out.family("starling_non_finite_parameters_total", "counter",
               "Rounds to which the program of this node brought NaN or infinity.");
    out.sample({}, as_double(not_finite_));
}

}  // namespace starling
