// Status answers about contracts and the rounds that are on.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/sn/detail/status_topics.hpp"
#include "core/sn/missing_model.hpp"

namespace starling {
namespace {

RoundKey current_key(const Contract& contract) {
    return {contract.name, contract.run, contract.round, contract.attempt};
}

std::string_view text_of(MemberStatus status) {
    return status == MemberStatus::active     ? "active"
           : status == MemberStatus::left     ? "left"
           : status == MemberStatus::expelled ? "expelled"
                                              : "lost";
}

/// Active members that have (or have not) done their part.
template <typename Has>
std::vector<std::string> members_that(const Contract& contract, Has has) {
    std::vector<std::string> names;
    for (const auto& [id, member] : contract.members) {
        if (member.status == MemberStatus::active && has(member)) {
            names.push_back(id.name);
        }
    }
    return names;
}

std::vector<std::string> missing_of(const Contract& contract) {
    return members_that(contract, [](const Member& m) { return !m.check_in.has_value(); });
}

/// How many check-ins the round waits for; 0: it waits for none, as the contract has ended.
std::uint32_t wanted(const Contract& contract) {
    if (contract.phase == ContractPhase::complete || contract.phase == ContractPhase::aborted) {
        return 0;
    }
    return std::max(contract.config.min_peers, contract.active_count());
}

/// "waiting 2/3: missing sl3", or nothing where it waits for nobody.
std::string waiting_text(const Contract& contract) {
    if (contract.phase != ContractPhase::gathering) {
        return "";
    }
    constexpr std::size_t named_max = 8;
    const std::vector<std::string> missing = missing_of(contract);
    std::string text = "waiting " + std::to_string(contract.checked_in_count()) + "/" +
                       std::to_string(wanted(contract));
    for (std::size_t i = 0; i < std::min(missing.size(), named_max); ++i) {
        text += (i == 0 ? ": missing " : ", ") + missing[i];
    }
    if (missing.size() > named_max) {
        text += " and " + std::to_string(missing.size() - named_max) + " more";
    }
    if (const std::uint32_t active = contract.active_count(); active < contract.config.min_peers) {
        text += std::string(missing.empty() ? ": " : "; ") +
                std::to_string(contract.config.min_peers - active) + " of min_peers " +
                std::to_string(contract.config.min_peers) + " have not joined";
    }
    return text;
}

/// The model of the run that nobody sends; null: none. Only the SN that leads knows who is
/// connected to the others.
void write_missing_model(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    json.key("missing_model");
    const std::optional<MissingModel> missing = missing_model(contract, source.peers, source.now);
    if (!missing) {
        json.null();
        return;
    }
    const bool leads = source.leader == source.id;
    std::vector<std::string> asking;
    for (const NodeId& node : missing->asking) {
        asking.push_back(node.name);
    }
    json.begin_object().field("round", missing->round);
    write_names(json, "asking", asking);
    json.field("lost", leads && missing->is_lost())
        .field("text", leads ? missing_model_text(contract, *missing)
                             : "Nobody sends the model of round " + std::to_string(missing->round) +
                                   " to members that are connected here: the SN that leads knows "
                                   "who had it")
        .end_object();
}

void write_state(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    json.field("name", contract.name)
        .field("phase", to_string(contract.phase))
        .field("run", contract.run)
        .field("round", contract.round)
        .field("attempt", contract.attempt)
        .field("checked_in", contract.checked_in_count())
        .field("wanted", wanted(contract))
        .field("min_peers", contract.config.min_peers)
        .field("waiting", waiting_text(contract))
        .field("reason", contract.reason);
    write_missing_model(json, source, contract);
}

void write_commit(JsonWriter& json, const Contract& contract) {
    json.key("last_commit");
    if (!contract.last_commit) {
        json.null();
        return;
    }
    const Commit& commit = *contract.last_commit;
    json.begin_object()
        .field("round", commit.round)
        .field("attempt", commit.attempt)
        .field("digest", to_string(commit.digest))
        .field("final", commit.final)
        .key("members")
        .begin_array();
    for (const RoundMember& member : commit.members) {
        json.begin_object().field("name", member.id.name).field("weight", member.weight);
        json.end_object();
    }
    json.end_array().end_object();
}

void write_member(JsonWriter& json, const SnStatusSource& source, const Contract& contract,
                  const NodeId& id, const Member& member, bool with_scalars) {
    const auto deviations = contract.deviations.find(id);
    const auto non_finite = contract.non_finite.find(id);
    const auto held_up = contract.holdups.find(id);
    json.begin_object()
        .field("name", id.name)
        .field("status", text_of(member.status))
        .field("connected", is_connected(source, id))
        .field("site", member.site)
        .field("checked_in", member.check_in.has_value())
        .field("deviations", deviations == contract.deviations.end() ? 0U : deviations->second)
        .field("non_finite_rounds",
               non_finite == contract.non_finite.end() ? 0U : non_finite->second.count)
        .field("held_up_rounds",
               (held_up == contract.holdups.end() ? 0U : held_up->second) / rounds_per_holdup);
    // Between its check-ins a member's last one is shown; before its first there is none.
    const CheckIn& check_in = member.check_in ? *member.check_in : member.last;
    const bool spoke = member.check_in.has_value() || member.last.fresh || member.last.finished;
    if (!spoke) {
        for (const char* key :
             {"weight", "samples", "epochs_done", "epochs_total", "finished", "last_loss"}) {
            json.key(key).null();
        }
    } else {
        // A check-in brings no loss where none was measured since: that of the round before holds.
        const double loss = std::isfinite(check_in.loss) ? check_in.loss : member.last.loss;
        json.field("weight", check_in.weight)
            .field("samples", check_in.samples)
            .field("epochs_done", check_in.epochs_done)
            .field("epochs_total", check_in.epochs_total)
            .field("finished", check_in.finished)
            .field("last_loss",
                   std::isfinite(check_in.loss) || member.last.fresh ? loss : std::nan(""));
    }
    if (with_scalars) {
        json.key("scalars").begin_object();
        for (const auto& [name, value] : *check_in.scalars) {
            json.field(name, value);
        }
        json.end_object();
    }
    json.end_object();
}

/// How far each member of the attempt has come, as far as it has told.
void write_transfers(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    json.key("transfers").begin_array();
    for (const RoundMember& member : contract.frozen) {
        const auto peer = source.peers.find(member.id);
        if (peer == source.peers.end()) {
            continue;
        }
        const Heartbeat& heartbeat = peer->second.heartbeat;
        if (RoundKey{heartbeat.contract, heartbeat.run, heartbeat.round, heartbeat.attempt} !=
            current_key(contract)) {
            continue;
        }
        const TransferProgress& progress = heartbeat.progress;
        const auto rate = static_cast<std::uint64_t>(peer->second.bytes_per_second());
        json.begin_object()
            .field("name", member.id.name)
            .field("received_bytes", progress.received_bytes)
            .field("expected_bytes", progress.expected_bytes)
            .field("bytes_per_second", rate);
        const std::uint64_t left =
            progress.expected_bytes - std::min(progress.received_bytes, progress.expected_bytes);
        if (left == 0 || rate > 0) {
            json.field("seconds_left", left == 0 ? 0 : left / rate);
        } else {
            json.key("seconds_left").null();
        }
        json.field("waits_for", progress.waits_for).end_object();
    }
    json.end_array();
}

/// Whether it is of the attempt that is on, or of the one that was committed last.
bool is_of_now(const RoundKey& key, const Contract& contract) {
    const auto& commit = contract.last_commit;
    return key == current_key(contract) ||
           (commit && key == RoundKey{contract.name, contract.run, commit->round, commit->attempt});
}

/// From whom each member has received how much, as it says. What it can't have received is not
/// passed on: bytes of others than members, and from one more than its parameters and the merged
/// ones.
void write_received(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    constexpr std::size_t named_in_all = 2'000;
    const std::size_t named_max = std::clamp<std::size_t>(
        named_in_all / std::max<std::size_t>(contract.members.size(), 1), 2, senders_max);
    json.key("received").begin_array();
    for (const auto& [id, member] : contract.members) {
        const auto peer = source.peers.find(id);
        if (peer == source.peers.end() || !is_of_now(peer->second.received.key, contract)) {
            continue;
        }
        const SnPeer::Received& received = peer->second.received;
        json.begin_object()
            .field("name", id.name)
            .field("run", received.key.run)
            .field("round", received.key.round)
            .field("attempt", received.key.attempt)
            .key("from")
            .begin_object();
        std::set<std::string_view> named;
        for (const Sender& sender : received.senders) {
            if (named.size() < named_max && contract.members.contains(NodeId{sender.member}) &&
                named.insert(sender.member).second) {
                json.field(sender.member, std::min(sender.bytes, 2 * contract.config.layout_bytes));
            }
        }
        json.end_object().end_object();
    }
    json.end_array();
}

}  // namespace

void write_contracts(JsonWriter& json, const SnStatusSource& source) {
    begin_answer(json, source).key("contracts").begin_array();
    for (const auto& [name, contract] : source.ledger.contracts()) {
        json.begin_object();
        write_state(json, source, contract);
        json.field("members", contract.active_count()).end_object();
    }
    json.end_array().end_object();
}

void write_contract(JsonWriter& json, const SnStatusSource& source, const Contract& contract,
                    bool with_scalars) {
    begin_answer(json, source);
    write_state(json, source, contract);
    const ContractConfig& config = contract.config;
    json.key("config")
        .begin_object()
        .field("min_peers", config.min_peers)
        .field("sync_frequency", config.sync_frequency)
        .field("merge", to_string(config.merge))
        .field("compression", to_string(config.compression))
        .field("non_finite", to_string(config.non_finite))
        .field("exchange", to_string(config.exchange))
        .field("durable", to_string(config.durable))
        .field("slowest_link_bytes_per_s", config.slowest_link)
        .field("grace_ms", config.grace_ns / 1'000'000)
        .field("wait_limit_ms", config.wait_limit_ns / 1'000'000)
        .field("parameter_bytes", config.layout_bytes)
        .field("layout_fingerprint", to_string(config.layout_fingerprint))
        .end_object();
    json.key("members").begin_array();
    for (const auto& [id, member] : contract.members) {
        write_member(json, source, contract, id, member, with_scalars);
    }
    json.end_array();
    write_commit(json, contract);
    json.end_object();
}

void write_round(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    begin_answer(json, source);
    write_state(json, source, contract);
    if (contract.deadline) {
        json.field("deadline_ms",
                   std::max<std::int64_t>(0, milliseconds(*contract.deadline - source.ledger_now)));
    } else {
        json.key("deadline_ms").null();
    }
    write_names(json, "checked_in_members",
                members_that(contract, [](const Member& m) { return m.check_in.has_value(); }));
    write_names(json, "missing_members",
                contract.phase == ContractPhase::gathering ? missing_of(contract)
                                                           : std::vector<std::string>{});
    std::vector<std::string> frozen;
    for (const RoundMember& member : contract.frozen) {
        frozen.push_back(member.id.name);
    }
    write_names(json, "exchanging_members", frozen);
    std::vector<std::string> reported;
    const auto reports = source.reports.find(contract.name);
    if (reports != source.reports.end() && reports->second.key() == current_key(contract)) {
        reports->second.for_each(
            [&](const MemberReport& report) { reported.push_back(report.node.name); });
    }
    write_names(json, "reported_members", reported);
    write_transfers(json, source, contract);
    write_received(json, source, contract);
    write_commit(json, contract);
    json.end_object();
}

}  // namespace starling
