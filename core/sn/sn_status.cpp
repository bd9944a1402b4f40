#include "core/sn/sn_status.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/json_writer.hpp"
#include "core/base/version.hpp"
#include "core/wire/codec.hpp"

namespace starling {
namespace {

RoundKey current_key(const Contract& contract) {
    return {contract.name, contract.run, contract.round, contract.attempt};
}

std::int64_t milliseconds(SwarmDuration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string_view text_of(MemberStatus status) {
    return status == MemberStatus::active     ? "active"
           : status == MemberStatus::left     ? "left"
           : status == MemberStatus::expelled ? "expelled"
                                              : "lost";
}

bool is_connected(const SnStatusSource& source, const NodeId& node) {
    const auto peer = source.peers.find(node);
    return peer != source.peers.end() && peer->second.connected;
}

void write_node(JsonWriter& json, const SnStatusSource& source, const NodeId& id, Role role,
                const Address* address, bool lost) {
    json.begin_object().field("name", id.name).field("role", to_string(role));
    if (address != nullptr) {
        json.field("host", address->host).field("port", address->port);
    } else {
        json.key("host").null().key("port").null();
    }
    const auto peer = source.peers.find(id);
    const bool self = id == source.id;
    json.field("connected", self || is_connected(source, id));
    if (self) {
        json.field("last_heard_ms_ago", 0);
    } else if (peer != source.peers.end() && peer->second.heard) {
        json.field("last_heard_ms_ago", milliseconds(source.now - peer->second.last_heard));
    } else {
        json.key("last_heard_ms_ago").null();
    }
    json.field("lost", lost).end_object();
}

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
    json.key(key).begin_array();
    for (const std::string& name : names) {
        json.value(name);
    }
    json.end_array();
}

/// Why there is no leader.
void write_away(JsonWriter& json, const SnStatusSource& source) {
    std::uint64_t voters = 0;
    std::vector<std::string> away;
    for (const Server& server : source.servers) {
        const auto peer = source.peers.find(server.node);
        const bool here = peer != source.peers.end() && peer->second.here;
        voters += server.voter ? 1U : 0U;
        if (server.voter && server.node != source.id && !here) {
            away.push_back(server.node.name);
        }
    }
    json.field("servers_needed", voters == 0 ? 0 : voters / 2 + 1)
        .field("servers_here", voters - away.size());
    write_names(json, "servers_away", away);
}

/// Begins the object of an answer.
JsonWriter& begin_answer(JsonWriter& json, const SnStatusSource& source) {
    json.begin_object();
    if (source.leader) {
        json.field("leader", source.leader->name).field("leader_missing_ms", 0);
    } else {
        json.key("leader").null();
        json.field("leader_missing_ms", milliseconds(source.now - source.leader_seen));
        write_away(json, source);
    }
    return json;
}

void write_servers(JsonWriter& json, const SnStatusSource& source) {
    begin_answer(json, source)
        .field("name", source.id.name)
        .field("term", source.term)
        .field("ledger_entries", source.entries)
        .key("servers")
        .begin_array();
    for (const Server& server : source.servers) {
        const auto peer = source.peers.find(server.node);
        const bool here = peer != source.peers.end() && peer->second.here;
        json.begin_object()
            .field("name", server.node.name)
            .field("number", server.number)
            .field("host", server.address.host)
            .field("port", server.address.port)
            .field("votes", server.voter)
            .field("connected", here || server.node == source.id)
            .field("leads", source.leader == server.node)
            .end_object();
    }
    json.end_array().end_object();
}

std::string_view right_text(const Roll& roll, const NodeId& tool, const RollEntry& entry) {
    const ToolRight right = entry.ca ? roll.right_of(tool, *entry.ca) : ToolRight::read;
    return right == ToolRight::administer ? "administers"
           : right == ToolRight::operate  ? "operates"
                                          : "reads";
}

void write_roll(JsonWriter& json, const SnStatusSource& source) {
    const Roll& roll = source.ledger.roll();
    const std::set<CaFingerprint> owners = roll.owners();
    begin_answer(json, source)
        .field("admission", roll.rules().admission == Admission::roll ? "roll" : "first-contact")
        .field("founder", roll.founder() ? roll.founder()->name : "")
        .field("owners_decide", roll.rules().owners_decide)
        .field("owners", owners.size())
        .key("roll")
        .begin_array();
    for (const auto& [id, entry] : roll.entries()) {
        json.begin_object()
            .field("name", id.name)
            .field("role", to_string(entry.role))
            .field("ca", entry.ca && *entry.ca != CaFingerprint{} ? to_string(*entry.ca) : "")
            .field("since", entry.since)
            .field("by", valid_utf8(entry.by))
            .field("seen", entry.seen)
            .field("expelled", entry.expelled)
            .field("votes", roll.may_vote(id))
            .field("owners_for_vote", owners_among(entry.for_vote, owners))
            .field("owners_for_expulsion", owners_among(entry.for_expulsion, owners))
            .field("right", entry.role != Role::tool ? "" : right_text(roll, id, entry))
            .end_object();
    }
    json.end_array().end_object();
}

void write_nodes(JsonWriter& json, const SnStatusSource& source) {
    begin_answer(json, source).key("nodes").begin_array();
    write_node(json, source, source.id, Role::sn, &source.api_address, false);
    for (const auto& [id, node] : source.ledger.nodes()) {
        if (id == source.id || node.role == Role::tool) {
            continue;
        }
        write_node(json, source, id, node.role, &node.address, node.lost);
    }
    for (const auto& [id, peer] : source.peers) {
        if (peer.connected && (peer.role == Role::tool || source.ledger.nodes().count(id) == 0)) {
            write_node(json, source, id, peer.role, nullptr, false);
        }
    }
    json.end_array().end_object();
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

void write_state(JsonWriter& json, const Contract& contract) {
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
}

void write_contracts(JsonWriter& json, const SnStatusSource& source) {
    begin_answer(json, source).key("contracts").begin_array();
    for (const auto& [name, contract] : source.ledger.contracts()) {
        json.begin_object();
        write_state(json, contract);
        json.field("members", contract.active_count()).end_object();
    }
    json.end_array().end_object();
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
                  const NodeId& id, const Member& member) {
    const auto deviations = contract.deviations.find(id);
    const auto non_finite = contract.non_finite.find(id);
    const auto held_up = contract.holdups.find(id);
    json.begin_object()
        .field("name", id.name)
        .field("status", text_of(member.status))
        .field("connected", is_connected(source, id))
        .field("checked_in", member.check_in.has_value())
        .field("deviations", deviations == contract.deviations.end() ? 0U : deviations->second)
        .field("non_finite_rounds",
               non_finite == contract.non_finite.end() ? 0U : non_finite->second.count)
        .field("held_up_rounds",
               (held_up == contract.holdups.end() ? 0U : held_up->second) / rounds_per_holdup);
    // Before its first round a member has said nothing; then what it said last holds.
    const CheckIn& said = member.check_in ? *member.check_in : member.last;
    const bool spoke = member.check_in.has_value() || member.last.fresh || member.last.finished;
    if (!spoke) {
        for (const char* key :
             {"weight", "samples", "epochs_done", "epochs_total", "finished", "last_loss"}) {
            json.key(key).null();
        }
    } else {
        // A check-in brings no loss where none was measured since: that of the round before holds.
        const double loss = std::isfinite(said.loss) ? said.loss : member.last.loss;
        json.field("weight", said.weight)
            .field("samples", said.samples)
            .field("epochs_done", said.epochs_done)
            .field("epochs_total", said.epochs_total)
            .field("finished", said.finished)
            .field("last_loss",
                   std::isfinite(said.loss) || member.last.fresh ? loss : std::nan(""));
    }
    json.end_object();
}

void write_contract(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    begin_answer(json, source);
    write_state(json, contract);
    const ContractConfig& config = contract.config;
    json.key("config")
        .begin_object()
        .field("min_peers", config.min_peers)
        .field("sync_frequency", config.sync_frequency)
        .field("merge", to_string(config.merge_rule))
        .field("non_finite", to_string(config.non_finite))
        .field("slowest_link_bytes_per_s", config.slowest_link)
        .field("grace_ms", config.grace_ns / 1'000'000)
        .field("wait_limit_ms", config.wait_limit_ns / 1'000'000)
        .field("parameter_bytes", config.layout_bytes)
        .field("layout_fingerprint", to_string(config.layout_fingerprint))
        .end_object();
    json.key("members").begin_array();
    for (const auto& [id, member] : contract.members) {
        write_member(json, source, contract, id, member);
    }
    json.end_array();
    write_commit(json, contract);
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
        const Heartbeat& beat = peer->second.beat;
        if (RoundKey{beat.contract, beat.run, beat.round, beat.attempt} != current_key(contract)) {
            continue;
        }
        const TransferProgress& progress = beat.progress;
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

void write_round(JsonWriter& json, const SnStatusSource& source, const Contract& contract) {
    begin_answer(json, source);
    write_state(json, contract);
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
    if (reports != source.reports.end() && reports->second.key == current_key(contract)) {
        for (const auto& [id, report] : reports->second.of) {
            reported.push_back(id.name);
        }
    }
    write_names(json, "reported_members", reported);
    write_transfers(json, source, contract);
    write_commit(json, contract);
    json.end_object();
}

void write_version(JsonWriter& json, const SnStatusSource& source) {
    begin_answer(json, source)
        .field("name", source.id.name)
        .field("version", program_version())
        .field("wire_version", wire_version)
        .field("ledger_entries", source.entries)
        .field("ledger_head", to_string(source.head))
        .field("uptime_ms", milliseconds(source.now - source.started))
        .end_object();
}

Result<const Contract*> contract_named(const Ledger& ledger, const std::string& name) {
    if (const Contract* contract = ledger.find_contract(name)) {
        return contract;
    }
    constexpr std::size_t named_max = 8;
    std::string known;
    std::size_t count = 0;
    for (const auto& [other, contract] : ledger.contracts()) {
        if (count++ < named_max) {
            known += (known.empty() ? "'" : ", '") + other + "'";
        }
    }
    if (count > named_max) {
        known += " and " + std::to_string(count - named_max) + " more";
    }
    return Error{Errc::not_found,
                 valid_utf8("no contract '" + name.substr(0, contract_name_max) + "': " +
                            (known.empty() ? "none was started on this SN" : "there is " + known))};
}

}  // namespace

Result<std::string> status_json(const SnStatusSource& source, const StatusQuery& query) {
    JsonWriter json;
    std::string_view instead = "ask for one contract: show contract NAME";
    if (query.topic == "nodes") {
        write_nodes(json, source);
    } else if (query.topic == "servers") {
        write_servers(json, source);
    } else if (query.topic == "roll") {
        write_roll(json, source);
        instead = "the roll has too many names for one answer: swarm-audit shows it";
    } else if (query.topic == "contracts") {
        write_contracts(json, source);
    } else if (query.topic == "contract" || query.topic == "round") {
        const Result<const Contract*> contract = contract_named(source.ledger, query.name);
        if (!contract) {
            return contract.error();
        }
        if (query.topic == "contract") {
            write_contract(json, source, **contract);
            instead = "ask for its round: show round NAME";
        } else {
            write_round(json, source, **contract);
            instead = "the contract has too many members for one answer";
        }
    } else if (query.topic == "version") {
        write_version(json, source);
    } else {
        return Error{Errc::not_found,
                     valid_utf8("unknown query '" + query.topic.substr(0, 64) +
                                "': ask for nodes, servers, contracts, contract, round, roll or "
                                "version")};
    }
    if (json.size() > body_bytes_max) {
        return Error{Errc::too_large,
                     "the answer has " + std::to_string(json.size()) + " bytes, a frame at most " +
                         std::to_string(body_bytes_max) + ": " + std::string(instead)};
    }
    return json.take();
}

void SnStatus::on_query(const NodeId& from, const StatusQuery& query, const SnStatusSource& source,
                        Outbox& out) {
    const auto peer = source.peers.find(from);
    if (peer == source.peers.end() || peer->second.role != Role::tool) {
        out.send(from, StatusReply{query.id, Errc::refused, "only a tool may ask that"});
        return;
    }
    if (query.follow) {
        std::vector<Followed>& followed = followers_[from];
        const auto same = std::find_if(followed.begin(), followed.end(),
                                       [&](const Followed& f) { return f.query.id == query.id; });
        if (same == followed.end() && followed.size() == followed_max) {
            out.send(from, StatusReply{query.id, Errc::refused,
                                       "this tool follows " + std::to_string(followed_max) +
                                           " queries already, which is the most"});
            return;
        }
        if (const auto next = answer(from, query, source, out)) {
            Followed& entry = same == followed.end() ? followed.emplace_back() : *same;
            entry = {query, *next, false};
        }
        return;
    }
    answer(from, query, source, out);
}

std::optional<SwarmTime> SnStatus::answer(const NodeId& to, const StatusQuery& query,
                                          const SnStatusSource& source, Outbox& out) {
    Result<std::string> json = status_json(source, query);
    if (!json) {
        out.send(to, StatusReply{query.id, json.error().code, json.error().message});
        return std::nullopt;
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(json->data());
    const auto size = static_cast<std::int64_t>(json->size());
    out.send(to, StatusReply{query.id}, Blob(Bytes(bytes, bytes + json->size())));
    return source.now + SwarmDuration{size * 1'000'000'000 / follow_bytes_per_second};
}

void SnStatus::mark_changed() {
    for (auto& [peer, followed] : followers_) {
        for (Followed& one : followed) {
            one.changed = true;
        }
    }
}

void SnStatus::tell_followers(const SnStatusSource& source, Outbox& out) {
    std::optional<SwarmTime> earliest;
    for (auto& [peer, followed] : followers_) {
        for (Followed& one : followed) {
            if (!one.changed) {
                continue;
            }
            if (one.not_before <= source.now) {
                one.not_before = answer(peer, one.query, source, out).value_or(source.now);
                one.changed = false;
            } else {
                earliest = std::min(earliest.value_or(one.not_before), one.not_before);
            }
        }
    }
    if (earliest) {
        out.set_timer(timer_, *earliest);
    }
}

}  // namespace starling
