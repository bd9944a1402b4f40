#include "core/sn/sn_status.hpp"

#include <algorithm>

#include "core/base/version.hpp"
#include "core/sn/detail/status_topics.hpp"
#include "core/wire/codec.hpp"

namespace starling {
namespace {

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
                            (known.empty() ? "none was started on this SN" : "known: " + known))};
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
            write_contract(json, source, **contract, true);
            if (json.size() > body_bytes_max) {
                // Members can't make the rest unreadable by what they report.
                json = JsonWriter();
                write_contract(json, source, **contract, false);
            }
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
        out.send(from, StatusReply{query.id, Errc::refused, "only a tool may query that"});
        return;
    }
    if (query.follow) {
        std::vector<Followed>& followed = followers_[from];
        const auto same = std::find_if(followed.begin(), followed.end(),
                                       [&](const Followed& f) { return f.query.id == query.id; });
        if (same == followed.end() && followed.size() == followed_max) {
            out.send(from, StatusReply{query.id, Errc::refused,
                                       "this tool already follows " + std::to_string(followed_max) +
                                           " queries, which is the maximum"});
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

void SnStatus::notify_subscribers(const SnStatusSource& source, Outbox& out) {
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
