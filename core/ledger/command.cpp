#include "core/ledger/command.hpp"

#include <algorithm>

#include "core/base/overloaded.hpp"

namespace starling {
namespace {

constexpr std::uint32_t removed_max = 64;
constexpr std::uint32_t rules_names_max = 10'000;

enum class CommandType : std::uint8_t {  // on disk and on the wire: do not renumber
    register_node = 1,
    enrol = 2,
    check_in = 3,
    // 4 was a single member's report, in a format that is no more
    leave = 5,
    expire = 6,
    lose_node = 7,
    exclude = 8,
    read_barrier = 9,
    commit_round = 10,
    checkpoint = 11,
    remove_servers = 12,
    swarm_rules = 13,
    change_roll = 14,
    name_non_finite = 15,
    keep_apart = 16,
    name_false_merge = 17,
};

void put_type(Writer& writer, CommandType type) { writer.u8(static_cast<std::uint8_t>(type)); }

void encode(Writer& writer, const std::optional<CaFingerprint>& ca) {
    writer.boolean(ca.has_value());
    writer.digest(ca.value_or(CaFingerprint{}));
}

std::optional<CaFingerprint> decode_ca(Reader& reader) {
    const bool known = reader.boolean();
    const CaFingerprint ca = reader.digest();
    if (!known && ca != CaFingerprint{}) {
        reader.fail();  // what is signed has one encoding
    }
    return known ? std::optional(ca) : std::nullopt;
}

void encode(Writer& writer, const std::vector<AdmittedName>& names) {
    writer.u32(static_cast<std::uint32_t>(names.size()));
    for (const AdmittedName& name : names) {
        encode(writer, name.node);
        encode(writer, name.ca);
    }
}

std::vector<AdmittedName> decode_names(Reader& reader) {
    std::vector<AdmittedName> names(reader.count(38, rules_names_max));
    for (AdmittedName& name : names) {
        name.node = decode_node_id(reader);
        name.ca = decode_ca(reader);
    }
    return names;
}

SwarmRules decode_rules(Reader& reader) {
    SwarmRules rules;
    rules.admission = decode_enum(reader, Admission::first_contact, Admission::roll);
    rules.admins = decode_names(reader);
    rules.operators = decode_names(reader);
    rules.roll = decode_names(reader);
    rules.voters = decode_node_ids(reader, rules_names_max);
    rules.owners_decide = reader.boolean();
    return rules;
}

}  // namespace

Command::Command() = default;
Command::Command(const Command& other) = default;
Command::Command(Command&& other) noexcept = default;
Command& Command::operator=(const Command& other) = default;
Command& Command::operator=(Command&& other) noexcept = default;
Command::~Command() = default;

void encode(Writer& writer, const Address& address) {
    writer.string(address.host);
    writer.u16(address.port);
}

Address decode_address(Reader& reader) {
    Address address;
    address.host = reader.string(255);
    address.port = reader.u16();
    // It is dialled, looked up in certificates and shown to people.
    if (std::any_of(address.host.begin(), address.host.end(),
                    [](char c) { return c < ' ' || c > '~'; })) {
        reader.fail();
    }
    return address;
}

void encode(Writer& writer, const NodeId& id) { writer.string(id.name); }

NodeId decode_node_id(Reader& reader) {
    Result<NodeId> id = parse_node_id(reader.string(node_name_max));
    if (!id) {
        reader.fail();
        return {};
    }
    return std::move(*id);
}

void encode(Writer& writer, const std::vector<NodeId>& ids) {
    writer.u32(static_cast<std::uint32_t>(ids.size()));
    for (const NodeId& id : ids) {
        encode(writer, id);
    }
}

std::vector<NodeId> decode_node_ids(Reader& reader, std::uint32_t count_max) {
    std::vector<NodeId> ids(reader.count(5, count_max));
    for (NodeId& id : ids) {
        id = decode_node_id(reader);
    }
    return ids;
}

std::string_view name_of(const Command& command) {
    return std::visit(Overloaded{
                          [](const RegisterNode&) { return "register"; },
                          [](const Enrol&) { return "enrol"; },
                          [](const CheckInRound&) { return "check_in"; },
                          [](const CommitRound&) { return "commit_round"; },
                          [](const LeaveContract&) { return "leave"; },
                          [](const ExpireDeadline&) { return "expire"; },
                          [](const LoseNode&) { return "lose"; },
                          [](const ExcludeMember&) { return "exclude"; },
                          [](const ReadBarrier&) { return "read_barrier"; },
                          [](const Checkpoint&) { return "checkpoint"; },
                          [](const RemoveServers&) { return "remove_servers"; },
                          [](const SwarmRules&) { return "swarm_rules"; },
                          [](const ChangeRoll&) { return "change_roll"; },
                          [](const NameNonFinite&) { return "name_non_finite"; },
                          [](const KeepApart&) { return "keep_apart"; },
                          [](const NameFalseMerge&) { return "name_false_merge"; },
                      },
                      command);
}

bool is_for_sns(const Command& command) {
    return std::holds_alternative<ExpireDeadline>(command) ||
           std::holds_alternative<LoseNode>(command) ||
           std::holds_alternative<ExcludeMember>(command) ||
           std::holds_alternative<KeepApart>(command) ||
           std::holds_alternative<CommitRound>(command) ||
           std::holds_alternative<Checkpoint>(command) ||
           std::holds_alternative<RemoveServers>(command) ||
           std::holds_alternative<SwarmRules>(command);
}

void encode(Writer& writer, const Command& command) {
    std::visit(Overloaded{
                   [&](const RegisterNode& c) {
                       put_type(writer, CommandType::register_node);
                       writer.u8(static_cast<std::uint8_t>(c.role));
                       encode(writer, c.address);
                       encode(writer, c.credentials);
                   },
                   [&](const Enrol& c) {
                       put_type(writer, CommandType::enrol);
                       writer.string(c.contract);
                       encode(writer, c.config);
                       writer.string(c.layout_text);
                       writer.boolean(c.back_to.has_value());
                       writer.u32(c.back_to.value_or(0));
                   },
                   [&](const CheckInRound& c) {
                       put_type(writer, CommandType::check_in);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.u64(c.round);
                       encode(writer, c.check_in);
                   },
                   [&](const CommitRound& c) {
                       put_type(writer, CommandType::commit_round);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.u64(c.round);
                       writer.u32(c.attempt);
                       writer.u32(static_cast<std::uint32_t>(c.reports.size()));
                       for (const MemberReport& report : c.reports) {
                           encode(writer, report.node);
                           writer.digest(report.digest);
                           encode(writer, report.signature);
                       }
                   },
                   [&](const LeaveContract& c) {
                       put_type(writer, CommandType::leave);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.string(std::string_view(c.reason).substr(0, reason_max));
                   },
                   [&](const ExpireDeadline& c) {
                       put_type(writer, CommandType::expire);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.i64(c.deadline_ns);
                   },
                   [&](const LoseNode& c) {
                       put_type(writer, CommandType::lose_node);
                       encode(writer, c.node);
                       writer.string(std::string_view(c.reason).substr(0, reason_max));
                   },
                   [&](const ExcludeMember& c) {
                       put_type(writer, CommandType::exclude);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.u64(c.round);
                       writer.u32(c.attempt);
                       encode(writer, c.node);
                       writer.boolean(c.refused);
                       writer.string(std::string_view(c.reason).substr(0, reason_max));
                   },
                   [&](const ReadBarrier&) { put_type(writer, CommandType::read_barrier); },
                   [&](const Checkpoint& c) {
                       put_type(writer, CommandType::checkpoint);
                       writer.u64(c.index);
                       writer.digest(c.head);
                   },
                   [&](const RemoveServers& c) {
                       put_type(writer, CommandType::remove_servers);
                       encode(writer, c.removed);
                       writer.string(std::string_view(c.by).substr(0, reason_max));
                       writer.boolean(c.rebuilt);
                       writer.u64(c.index);
                       writer.u64(c.session);
                   },
                   [&](const SwarmRules& c) {
                       put_type(writer, CommandType::swarm_rules);
                       writer.u8(static_cast<std::uint8_t>(c.admission));
                       encode(writer, c.admins);
                       encode(writer, c.operators);
                       encode(writer, c.roll);
                       encode(writer, c.voters);
                       writer.boolean(c.owners_decide);
                   },
                   [&](const ChangeRoll& c) {
                       put_type(writer, CommandType::change_roll);
                       writer.u8(static_cast<std::uint8_t>(c.kind));
                       encode(writer, c.node);
                       encode(writer, c.ca);
                   },
                   [&](const NameNonFinite& c) {
                       put_type(writer, CommandType::name_non_finite);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.u64(c.round);
                       encode(writer, c.node);
                   },
                   [&](const KeepApart& c) {
                       put_type(writer, CommandType::keep_apart);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.u64(c.round);
                       writer.u32(c.attempt);
                       encode(writer, c.node);
                       encode(writer, c.others);
                   },
                   [&](const NameFalseMerge& c) {
                       put_type(writer, CommandType::name_false_merge);
                       writer.string(c.contract);
                       writer.u32(c.run);
                       writer.u64(c.round);
                       encode(writer, c.owner);
                   },
               },
               command);
}

Command decode_command(Reader& reader) {
    switch (static_cast<CommandType>(reader.u8())) {
        case CommandType::register_node: {
            RegisterNode c;
            c.role = decode_enum(reader, Role::sn, Role::tool);
            c.address = decode_address(reader);
            c.credentials = decode_credentials(reader);
            return c;
        }
        case CommandType::enrol: {
            Enrol c;
            c.contract = reader.string(contract_name_max);
            c.config = decode_contract_config(reader);
            c.layout_text = reader.string(layout_text_max);
            const bool back = reader.boolean();
            const Run run = reader.u32();
            if (!back && run != 0) {
                reader.fail();  // what is signed has one encoding, so that no edit goes unnoticed
            }
            c.back_to = back ? std::optional<Run>(run) : std::nullopt;
            return c;
        }
        case CommandType::check_in: {
            CheckInRound c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.round = reader.u64();
            c.check_in = decode_check_in(reader);
            return c;
        }
        case CommandType::commit_round: {
            CommitRound c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.round = reader.u64();
            c.attempt = reader.u32();
            c.reports.resize(reader.count(101, members_max));
            for (MemberReport& report : c.reports) {
                report.node = decode_node_id(reader);
                report.digest = reader.digest();
                report.signature = decode_signature(reader);
            }
            return c;
        }
        case CommandType::leave: {
            LeaveContract c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.reason = reader.string(reason_max);
            return c;
        }
        case CommandType::expire: {
            ExpireDeadline c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.deadline_ns = reader.i64();
            return c;
        }
        case CommandType::lose_node: {
            LoseNode c;
            c.node = decode_node_id(reader);
            c.reason = reader.string(reason_max);
            return c;
        }
        case CommandType::exclude: {
            ExcludeMember c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.round = reader.u64();
            c.attempt = reader.u32();
            c.node = decode_node_id(reader);
            c.refused = reader.boolean();
            c.reason = reader.string(reason_max);
            return c;
        }
        case CommandType::read_barrier:
            return ReadBarrier{};
        case CommandType::checkpoint: {
            Checkpoint c;
            c.index = reader.u64();
            c.head = reader.digest();
            return c;
        }
        case CommandType::remove_servers: {
            RemoveServers c;
            c.removed = decode_node_ids(reader, removed_max);
            c.by = reader.string(reason_max);
            c.rebuilt = reader.boolean();
            c.index = reader.u64();
            c.session = reader.u64();
            return c;
        }
        case CommandType::swarm_rules:
            return decode_rules(reader);
        case CommandType::change_roll: {
            ChangeRoll c;
            c.kind = decode_enum(reader, ChangeRoll::Kind::admit, ChangeRoll::Kind::admit_server);
            c.node = decode_node_id(reader);
            c.ca = decode_ca(reader);
            return c;
        }
        case CommandType::name_non_finite: {
            NameNonFinite c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.round = reader.u64();
            c.node = decode_node_id(reader);
            return c;
        }
        case CommandType::keep_apart: {
            KeepApart c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.round = reader.u64();
            c.attempt = reader.u32();
            c.node = decode_node_id(reader);
            c.others = decode_node_ids(reader, members_max);
            return c;
        }
        case CommandType::name_false_merge: {
            NameFalseMerge c;
            c.contract = reader.string(contract_name_max);
            c.run = reader.u32();
            c.round = reader.u64();
            c.owner = decode_node_id(reader);
            return c;
        }
    }
    reader.fail();
    return RegisterNode{};
}

Bytes command_text(const NodeId& signer, std::uint64_t session, std::uint64_t sequence,
                   const Command& command) {
    Writer writer;
    writer.reserve(256);  // most
    writer.string("starling command 1");
    encode(writer, signer);
    writer.u64(session);
    writer.u64(sequence);
    encode(writer, command);
    return writer.take();
}

Bytes report_text(const NodeId& node, const std::string& contract, Run run, Round round,
                  Attempt attempt, const Digest& digest) {
    Writer writer;
    writer.reserve(256);  // most
    writer.string("starling report 1");
    encode(writer, node);
    writer.string(contract);
    writer.u32(run);
    writer.u64(round);
    writer.u32(attempt);
    writer.digest(digest);
    return writer.take();
}

Bytes encode_entry(const Entry& entry) {
    Writer writer;
    writer.i64(entry.time_ns);
    encode(writer, entry.signer);
    writer.u64(entry.session);
    writer.u64(entry.sequence);
    encode(writer, entry.command);
    encode(writer, entry.signature);
    return writer.take();
}

Result<Entry> decode_entry(ByteView bytes) {
    Reader reader(bytes);
    Entry entry;
    entry.time_ns = reader.i64();
    entry.signer = decode_node_id(reader);
    entry.session = reader.u64();
    entry.sequence = reader.u64();
    entry.command = decode_command(reader);
    entry.signature = decode_signature(reader);
    if (!reader.done()) {
        return Error{Errc::malformed, "these bytes are no ledger entry"};
    }
    return entry;
}

SwarmTime time_of(const Entry& entry) {
    return from_ns(std::clamp<std::int64_t>(entry.time_ns, 0, std::int64_t{1} << 62U));
}

}  // namespace starling
