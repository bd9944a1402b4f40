// The ledger's state in a snapshot: see wire/FORMAT.md. Every field that a later entry may read
// stands here, and maps in the order of their keys, so that equal ledgers have equal bytes.
#include <algorithm>
#include <utility>

#include "core/ledger/ledger.hpp"

namespace starling {
namespace {

/// A refusal may name a tensor of each of two layouts.
constexpr std::size_t answer_reason_max = 2 * layout_text_max + std::size_t{64} * 1024;
constexpr std::size_t name_bytes_min = 5;  ///< of an encoded NodeId
/// No Member is shorter. Larger would refuse valid snapshots, smaller only reserves more.
constexpr std::size_t member_bytes_min = 64;

void put(Writer& writer, const std::string& text) { writer.string(text); }
void put(Writer& writer, const NodeId& node) { encode(writer, node); }
void put(Writer& writer, const std::pair<NodeId, NodeId>& pair) {
    encode(writer, pair.first);
    encode(writer, pair.second);
}
void put(Writer& writer, const CaFingerprint& ca) { writer.digest(ca); }
void put(Writer& writer, SwarmTime time) { writer.i64(to_ns(time)); }

template <typename Key>
Key take_key(Reader& reader) {
    if constexpr (std::is_same_v<Key, std::string>) {
        return reader.string(contract_name_max);
    } else if constexpr (std::is_same_v<Key, NodeId>) {
        return decode_node_id(reader);
    } else if constexpr (std::is_same_v<Key, CaFingerprint>) {
        return reader.digest();
    } else {
        NodeId first = decode_node_id(reader);
        return {std::move(first), decode_node_id(reader)};
    }
}

template <typename Map, typename PutValue>
void put_map(Writer& writer, const Map& map, const PutValue& put_value) {
    writer.u32(static_cast<std::uint32_t>(map.size()));
    for (const auto& [key, value] : map) {
        put(writer, key);
        put_value(value);
    }
}

template <typename Set>
void put_set(Writer& writer, const Set& set) {
    writer.u32(static_cast<std::uint32_t>(set.size()));
    for (const auto& key : set) {
        put(writer, key);
    }
}

/// Keys must ascend: there is one encoding. \param take  is given each key, and reads the value
template <typename Key, typename Take>
void take_keys(Reader& reader, std::size_t bytes_min, const Take& take) {
    const std::uint32_t count = reader.count(bytes_min, UINT32_MAX);
    std::optional<Key> before;
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        Key key = take_key<Key>(reader);
        if (before && !(*before < key)) {
            reader.fail();
            return;
        }
        take(key);
        before = std::move(key);
    }
}

std::set<CaFingerprint> take_cas(Reader& reader) {
    std::set<CaFingerprint> cas;
    take_keys<CaFingerprint>(reader, 32, [&](const CaFingerprint& ca) { cas.insert(ca); });
    return cas;
}

void put_answer(Writer& writer, const Answer& answer) {
    writer.u8(static_cast<std::uint8_t>(answer.code));
    writer.string(answer.reason);
    writer.u32(answer.run);
}

Answer take_answer(Reader& reader) {
    Answer answer;
    answer.code = decode_enum(reader, Errc::ok, Errc::replaced);
    answer.reason = reader.string(answer_reason_max);
    answer.run = reader.u32();
    return answer;
}

void put_registered(Writer& writer, const RegisteredNode& node) {
    writer.u8(static_cast<std::uint8_t>(node.role));
    encode(writer, node.address);
    encode(writer, node.credentials);
    writer.boolean(node.lost);
    writer.u64(node.session);
}

RegisteredNode take_registered(Reader& reader) {
    RegisteredNode node;
    node.role = decode_enum(reader, Role::sn, Role::tool);
    node.address = decode_address(reader);
    node.credentials = decode_credentials(reader);
    node.lost = reader.boolean();
    node.session = reader.u64();
    return node;
}

void put_member(Writer& writer, const Member& member) {
    encode(writer, member.address);
    writer.string(member.site);
    writer.u8(static_cast<std::uint8_t>(member.status));
    writer.boolean(member.check_in.has_value());
    if (member.check_in) {
        encode(writer, *member.check_in);
    }
    writer.u64(member.check_in_index);
    encode(writer, member.last);
    put(writer, member.heard_at);
    writer.boolean(member.deviated_in.has_value());
    writer.u64(member.deviated_in ? *member.deviated_in : 0);
}

Member take_member(Reader& reader) {
    Member member;
    member.address = decode_address(reader);
    member.site = decode_site(reader);
    member.status = decode_enum(reader, MemberStatus::active, MemberStatus::expelled);
    if (reader.boolean()) {
        member.check_in = decode_check_in(reader);
    }
    member.check_in_index = reader.u64();
    member.last = decode_check_in(reader);
    member.heard_at = from_ns(reader.i64());
    const bool deviated = reader.boolean();
    const Round round = reader.u64();
    if (deviated) {
        member.deviated_in = round;
    } else if (round != 0) {
        reader.fail();  // a second encoding of the same member
    }
    return member;
}

void put_contract(Writer& writer, const Contract& contract) {
    writer.u32(contract.run);
    encode(writer, contract.config);
    writer.string(contract.layout_text);
    writer.u8(static_cast<std::uint8_t>(contract.phase));
    writer.u64(contract.round);
    writer.u32(contract.attempt);
    put_map(writer, contract.members, [&](const Member& member) { put_member(writer, member); });
    encode(writer, contract.frozen);
    encode(writer, contract.departed);
    writer.boolean(contract.last_commit.has_value());
    if (contract.last_commit) {
        encode(writer, *contract.last_commit);
    }
    put_map(writer, contract.deviations, [&](std::uint32_t times) { writer.u32(times); });
    put_map(writer, contract.non_finite, [&](const NonFiniteRounds& rounds) {
        writer.u32(rounds.count);
        writer.u64(rounds.last);
    });
    put_set(writer, contract.apart);
    writer.u32(contract.reports.undecided);
    encode(writer, contract.reports.recorded);
    put_map(writer, contract.holdups, [&](std::uint32_t points) { writer.u32(points); });
    put(writer, contract.times.began_at);
    writer.i64(contract.times.longest.count());
    writer.u64(contract.times.decided_index);
    writer.boolean(contract.deadline.has_value());
    if (contract.deadline) {
        put(writer, *contract.deadline);
    }
    writer.string(contract.reason);
    writer.u64(contract.version);
}

/// The part of take_contract() that says who takes part.
void take_members(Reader& reader, Contract& contract) {
    take_keys<NodeId>(reader, name_bytes_min + member_bytes_min, [&](const NodeId& node) {
        Member member = take_member(reader);
        contract.members.change(node, [&](Member& added) { added = std::move(member); });
    });
    contract.frozen = decode_members(reader, kept_list_text_bytes_max);
    contract.departed = decode_node_ids(reader, members_max);
    if (reader.boolean()) {
        contract.last_commit = decode_commit(reader, kept_list_text_bytes_max);
    }
}

Contract take_contract(Reader& reader, const std::string& name) {
    Contract contract;
    contract.name = name;
    contract.run = reader.u32();
    contract.config = decode_contract_config(reader);
    contract.layout_text = reader.string(layout_text_max);
    contract.phase = decode_enum(reader, ContractPhase::gathering, ContractPhase::aborted);
    contract.round = reader.u64();
    contract.attempt = reader.u32();
    take_members(reader, contract);
    take_keys<NodeId>(reader, name_bytes_min + 4,
                      [&](const NodeId& node) { contract.deviations.emplace(node, reader.u32()); });
    take_keys<NodeId>(reader, name_bytes_min + 12, [&](const NodeId& node) {
        NonFiniteRounds rounds;
        rounds.count = reader.u32();
        rounds.last = reader.u64();
        contract.non_finite.emplace(node, rounds);
    });
    take_keys<std::pair<NodeId, NodeId>>(reader, 2 * name_bytes_min,
                                         [&](const auto& pair) { contract.apart.insert(pair); });
    contract.reports.undecided = reader.u32();
    contract.reports.recorded = decode_member_reports(reader);
    if (contract.reports.recorded.size() > std::max(contract.frozen.size(), early_members_max)) {
        reader.fail();
    }
    take_keys<NodeId>(reader, name_bytes_min + 4,
                      [&](const NodeId& node) { contract.holdups.emplace(node, reader.u32()); });
    contract.times.began_at = from_ns(reader.i64());
    contract.times.longest = SwarmDuration{reader.i64()};
    contract.times.decided_index = reader.u64();
    if (reader.boolean()) {
        contract.deadline = from_ns(reader.i64());
    }
    contract.reason = reader.string(reason_max);
    contract.version = reader.u64();
    return contract;
}

void put_roll_entry(Writer& writer, const RollEntry& entry) {
    writer.u8(static_cast<std::uint8_t>(entry.role));
    encode(writer, entry.ca);
    writer.u64(entry.since);
    writer.string(entry.by);
    writer.boolean(entry.seen);
    writer.boolean(entry.expelled);
    writer.boolean(entry.votes);
    put_set(writer, *entry.for_vote);
    put_set(writer, *entry.for_expulsion);
}

RollEntry take_roll_entry(Reader& reader) {
    RollEntry entry;
    entry.role = decode_enum(reader, Role::sn, Role::tool);
    entry.ca = decode_ca(reader);
    entry.since = reader.u64();
    entry.by = reader.string(reason_max);
    entry.seen = reader.boolean();
    entry.expelled = reader.boolean();
    entry.votes = reader.boolean();
    entry.for_vote = take_cas(reader);
    entry.for_expulsion = take_cas(reader);
    return entry;
}

}  // namespace

void Roll::encode(Writer& writer) const {
    put_map(writer, entries_, [&](const RollEntry& entry) { put_roll_entry(writer, entry); });
    starling::encode(writer, Command(rules_));
    writer.boolean(founder_.has_value());
    if (founder_) {
        put(writer, *founder_);
    }
    writer.u64(version_);
}

Roll Roll::decode(Reader& reader) {
    Roll roll;
    take_keys<NodeId>(reader, name_bytes_min + 57, [&](const NodeId& node) {
        roll.entries_.emplace(node, take_roll_entry(reader));
    });
    Command rules = decode_command(reader);
    if (auto* said = std::get_if<SwarmRules>(&rules)) {
        roll.rules_ = std::move(*said);
    } else {
        reader.fail();
    }
    if (reader.boolean()) {
        roll.founder_ = decode_node_id(reader);
    }
    roll.version_ = reader.u64();
    return roll;
}

void Ledger::encode(Writer& writer) const {
    put_map(writer, contracts_, [&](const Contract& contract) { put_contract(writer, contract); });
    put_map(writer, past_runs_, [&](Run run) { writer.u32(run); });
    put_map(writer, nodes_, [&](const RegisteredNode& node) { put_registered(writer, node); });
    put_map(writer, sessions_, [&](const Session& session) {
        writer.u64(session.session);
        writer.u64(session.sequence);
        put_answer(writer, session.answer);
    });
    roll_.encode(writer);
}

Ledger Ledger::decode(Reader& reader) {
    Ledger ledger;
    take_keys<std::string>(reader, 100, [&](const std::string& name) {
        ledger.contracts_.emplace(name, take_contract(reader, name));
    });
    take_keys<std::string>(
        reader, 8, [&](const std::string& name) { ledger.past_runs_.emplace(name, reader.u32()); });
    take_keys<NodeId>(reader, name_bytes_min + 92, [&](const NodeId& node) {
        ledger.nodes_.emplace(node, take_registered(reader));
    });
    take_keys<NodeId>(reader, name_bytes_min + 25, [&](const NodeId& node) {
        Session session;
        session.session = reader.u64();
        session.sequence = reader.u64();
        session.answer = take_answer(reader);
        ledger.sessions_.emplace(node, std::move(session));
    });
    ledger.roll_ = Roll::decode(reader);
    return ledger;
}

}  // namespace starling
