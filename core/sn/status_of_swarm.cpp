// Status answers about the SNs, the nodes that they know and the roll.
#include "core/ledger/certificate_end.hpp"
#include "core/sn/detail/status_topics.hpp"

namespace starling {

std::int64_t milliseconds(SwarmDuration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

bool is_connected(const SnStatusSource& source, const NodeId& node) {
    const auto peer = source.peers.find(node);
    return peer != source.peers.end() && peer->second.connected;
}

namespace {

/// \param registered  nullptr: the ledger does not have it
void write_node(JsonWriter& json, const SnStatusSource& source, const NodeId& id, Role role,
                const Address* address, const RegisteredNode* registered) {
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
    json.field("lost", registered != nullptr && registered->lost).key("certificate_until");
    const auto until = registered == nullptr
                           ? std::nullopt
                           : certificate_end(*registered->credentials.certificate);
    if (until) {
        json.value(*until);
    } else {
        json.null();
    }
    json.end_object();
}

}  // namespace

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
    json.key(key).begin_array();
    for (const std::string& name : names) {
        json.value(name);
    }
    json.end_array();
}

namespace {

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

}  // namespace

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

namespace {

std::string_view right_text(const Roll& roll, const NodeId& tool, const RollEntry& entry) {
    const ToolRight right = entry.ca ? roll.right_of(tool, *entry.ca) : ToolRight::read;
    return right == ToolRight::administer ? "administers"
           : right == ToolRight::operate  ? "operates"
                                          : "reads";
}

}  // namespace

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
            .field("owners_for_vote", owners_among(*entry.for_vote, owners))
            .field("owners_for_expulsion", owners_among(*entry.for_expulsion, owners))
            .field("right", entry.role != Role::tool ? "" : right_text(roll, id, entry))
            .end_object();
    }
    json.end_array().end_object();
}

void write_nodes(JsonWriter& json, const SnStatusSource& source) {
    begin_answer(json, source).key("nodes").begin_array();
    const auto own = source.ledger.nodes().find(source.id);
    write_node(json, source, source.id, Role::sn, &source.api_address,
               own == source.ledger.nodes().end() ? nullptr : &own->second);
    for (const auto& [id, node] : source.ledger.nodes()) {
        if (id == source.id || node.role == Role::tool) {
            continue;
        }
        write_node(json, source, id, node.role, &node.address, &node);
    }
    for (const auto& [id, peer] : source.peers) {
        if (peer.connected && (peer.role == Role::tool || source.ledger.nodes().count(id) == 0)) {
            write_node(json, source, id, peer.role, nullptr, nullptr);
        }
    }
    json.end_array().end_object();
}

}  // namespace starling
