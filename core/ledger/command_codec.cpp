// The bytes of a command: the number of its type, then its fields in the order of the struct.
// Encoder and decoder of each command stand side by side, so that neither is changed without the
// other. What is signed has exactly one encoding, otherwise an edit of the bytes could go
// unnoticed.
#include <utility>

#include "core/ledger/command.hpp"

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
    record_reports = 18,
    check_in_merged = 19,  ///< CheckInRound with `merged`
};

// Which number each command has.
constexpr CommandType type_of(const RegisterNode&) { return CommandType::register_node; }
constexpr CommandType type_of(const Enrol&) { return CommandType::enrol; }
constexpr CommandType type_of(const CheckInRound& c) {
    return c.merged ? CommandType::check_in_merged : CommandType::check_in;
}
constexpr CommandType type_of(const CommitRound&) { return CommandType::commit_round; }
constexpr CommandType type_of(const LeaveContract&) { return CommandType::leave; }
constexpr CommandType type_of(const ExpireDeadline&) { return CommandType::expire; }
constexpr CommandType type_of(const LoseNode&) { return CommandType::lose_node; }
constexpr CommandType type_of(const ExcludeMember&) { return CommandType::exclude; }
constexpr CommandType type_of(const ReadBarrier&) { return CommandType::read_barrier; }
constexpr CommandType type_of(const Checkpoint&) { return CommandType::checkpoint; }
constexpr CommandType type_of(const RemoveServers&) { return CommandType::remove_servers; }
constexpr CommandType type_of(const SwarmRules&) { return CommandType::swarm_rules; }
constexpr CommandType type_of(const ChangeRoll&) { return CommandType::change_roll; }
constexpr CommandType type_of(const NameNonFinite&) { return CommandType::name_non_finite; }
constexpr CommandType type_of(const KeepApart&) { return CommandType::keep_apart; }
constexpr CommandType type_of(const NameFalseMerge&) { return CommandType::name_false_merge; }
constexpr CommandType type_of(const RecordReports&) { return CommandType::record_reports; }

}  // namespace

void encode(Writer& writer, const std::optional<CaFingerprint>& ca) {
    writer.boolean(ca.has_value());
    writer.digest(ca.value_or(CaFingerprint{}));
}

std::optional<CaFingerprint> decode_ca(Reader& reader) {
    const bool known = reader.boolean();
    const CaFingerprint ca = reader.digest();
    if (!known && ca != CaFingerprint{}) {
        reader.fail();  // a second encoding of the same command
    }
    return known ? std::optional(ca) : std::nullopt;
}

void encode(Writer& writer, const std::vector<MemberReport>& reports) {
    writer.u32(static_cast<std::uint32_t>(reports.size()));
    for (const MemberReport& report : reports) {
        encode(writer, report.node);
        writer.digest(report.digest);
        encode(writer, report.signature);
        writer.boolean(report.durable);
    }
}

std::vector<MemberReport> decode_member_reports(Reader& reader) {
    std::vector<MemberReport> reports(reader.count(102, members_max));
    for (MemberReport& report : reports) {
        report.node = decode_node_id(reader);
        report.digest = reader.digest();
        report.signature = decode_signature(reader);
        report.durable = reader.boolean();
    }
    return reports;
}

namespace {

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

void encode_reason(Writer& writer, const std::string& reason) {
    writer.string(std::string_view(reason).substr(0, reason_max));
}

/// What each command about a round begins with.
template <typename OfRound>
void encode_round(Writer& writer, const OfRound& c) {
    writer.string(c.contract);
    writer.u32(c.run);
    writer.u64(c.round);
}
template <typename OfRound>
void decode_round(Reader& reader, OfRound& c) {
    c.contract = reader.string(contract_name_max);
    c.run = reader.u32();
    c.round = reader.u64();
}

void encode_fields(Writer& writer, const RegisterNode& c) {
    writer.u8(static_cast<std::uint8_t>(c.role));
    encode(writer, c.address);
    encode(writer, c.credentials);
}
void decode_fields(Reader& reader, RegisterNode& c) {
    c.role = decode_enum(reader, Role::sn, Role::tool);
    c.address = decode_address(reader);
    c.credentials = decode_credentials(reader);
}

void encode_fields(Writer& writer, const Enrol& c) {
    writer.string(c.contract);
    encode(writer, c.config);
    writer.string(c.layout_text);
    writer.boolean(c.back_to.has_value());
    writer.u32(c.back_to.value_or(0));
    writer.string(c.site);
}
void decode_fields(Reader& reader, Enrol& c) {
    c.contract = reader.string(contract_name_max);
    c.config = decode_contract_config(reader);
    c.layout_text = reader.string(layout_text_max);
    const bool back = reader.boolean();
    const Run run = reader.u32();
    if (!back && run != 0) {
        reader.fail();  // a second encoding of the same command
    }
    c.back_to = back ? std::optional<Run>(run) : std::nullopt;
    c.site = decode_site(reader);
}

void encode_fields(Writer& writer, const CheckInRound& c) {
    encode_round(writer, c);
    encode(writer, c.check_in);
    if (c.merged) {
        writer.digest(c.merged->digest);
        writer.digest(c.merged->base);
        writer.boolean(c.merged->durable);
    }
}
void decode_fields(Reader& reader, CheckInRound& c) {
    decode_round(reader, c);
    c.check_in = decode_check_in(reader);
}

/// Of a CommitRound or RecordReports.
template <typename WithReports>
void encode_reports(Writer& writer, const WithReports& c) {
    encode_round(writer, c);
    writer.u32(c.attempt);
    encode(writer, c.reports);
}
template <typename WithReports>
void decode_reports(Reader& reader, WithReports& c) {
    decode_round(reader, c);
    c.attempt = reader.u32();
    c.reports = decode_member_reports(reader);
}

void encode_fields(Writer& writer, const CommitRound& c) { encode_reports(writer, c); }
void decode_fields(Reader& reader, CommitRound& c) { decode_reports(reader, c); }

void encode_fields(Writer& writer, const RecordReports& c) { encode_reports(writer, c); }
void decode_fields(Reader& reader, RecordReports& c) { decode_reports(reader, c); }

void encode_fields(Writer& writer, const LeaveContract& c) {
    writer.string(c.contract);
    writer.u32(c.run);
    encode_reason(writer, c.reason);
}
void decode_fields(Reader& reader, LeaveContract& c) {
    c.contract = reader.string(contract_name_max);
    c.run = reader.u32();
    c.reason = reader.string(reason_max);
}

void encode_fields(Writer& writer, const ExpireDeadline& c) {
    writer.string(c.contract);
    writer.u32(c.run);
    writer.i64(c.deadline_ns);
}
void decode_fields(Reader& reader, ExpireDeadline& c) {
    c.contract = reader.string(contract_name_max);
    c.run = reader.u32();
    c.deadline_ns = reader.i64();
}

void encode_fields(Writer& writer, const LoseNode& c) {
    encode(writer, c.node);
    encode_reason(writer, c.reason);
}
void decode_fields(Reader& reader, LoseNode& c) {
    c.node = decode_node_id(reader);
    c.reason = reader.string(reason_max);
}

void encode_fields(Writer& writer, const ExcludeMember& c) {
    encode_round(writer, c);
    writer.u32(c.attempt);
    encode(writer, c.node);
    writer.boolean(c.refused);
    encode_reason(writer, c.reason);
}
void decode_fields(Reader& reader, ExcludeMember& c) {
    decode_round(reader, c);
    c.attempt = reader.u32();
    c.node = decode_node_id(reader);
    c.refused = reader.boolean();
    c.reason = reader.string(reason_max);
}

void encode_fields(Writer&, const ReadBarrier&) {}
void decode_fields(Reader&, ReadBarrier&) {}

void encode_fields(Writer& writer, const Checkpoint& c) {
    writer.u64(c.index);
    writer.digest(c.head);
}
void decode_fields(Reader& reader, Checkpoint& c) {
    c.index = reader.u64();
    c.head = reader.digest();
}

void encode_fields(Writer& writer, const RemoveServers& c) {
    encode(writer, c.removed);
    encode_reason(writer, c.by);
    writer.boolean(c.rebuilt);
    writer.u64(c.index);
    writer.u64(c.session);
}
void decode_fields(Reader& reader, RemoveServers& c) {
    c.removed = decode_node_ids(reader, removed_max);
    c.by = reader.string(reason_max);
    c.rebuilt = reader.boolean();
    c.index = reader.u64();
    c.session = reader.u64();
}

void encode_fields(Writer& writer, const SwarmRules& c) {
    writer.u8(static_cast<std::uint8_t>(c.admission));
    encode(writer, c.admins);
    encode(writer, c.operators);
    encode(writer, c.roll);
    encode(writer, c.voters);
    writer.boolean(c.owners_decide);
}
void decode_fields(Reader& reader, SwarmRules& c) {
    c.admission = decode_enum(reader, Admission::first_contact, Admission::roll);
    c.admins = decode_names(reader);
    c.operators = decode_names(reader);
    c.roll = decode_names(reader);
    c.voters = decode_node_ids(reader, rules_names_max);
    c.owners_decide = reader.boolean();
}

void encode_fields(Writer& writer, const ChangeRoll& c) {
    writer.u8(static_cast<std::uint8_t>(c.kind));
    encode(writer, c.node);
    encode(writer, c.ca);
}
void decode_fields(Reader& reader, ChangeRoll& c) {
    c.kind = decode_enum(reader, ChangeRoll::Kind::admit, ChangeRoll::Kind::admit_server);
    c.node = decode_node_id(reader);
    c.ca = decode_ca(reader);
}

void encode_fields(Writer& writer, const NameNonFinite& c) {
    encode_round(writer, c);
    encode(writer, c.node);
}
void decode_fields(Reader& reader, NameNonFinite& c) {
    decode_round(reader, c);
    c.node = decode_node_id(reader);
}

void encode_fields(Writer& writer, const KeepApart& c) {
    encode_round(writer, c);
    writer.u32(c.attempt);
    encode(writer, c.node);
    encode(writer, c.others);
}
void decode_fields(Reader& reader, KeepApart& c) {
    decode_round(reader, c);
    c.attempt = reader.u32();
    c.node = decode_node_id(reader);
    c.others = decode_node_ids(reader, members_max);
}

void encode_fields(Writer& writer, const NameFalseMerge& c) {
    encode_round(writer, c);
    encode(writer, c.owner);
}
void decode_fields(Reader& reader, NameFalseMerge& c) {
    decode_round(reader, c);
    c.owner = decode_node_id(reader);
}

template <typename OneCommand>
Command decoded(Reader& reader) {
    OneCommand c;
    decode_fields(reader, c);
    return Command(std::move(c));
}

Command decoded_merged_check_in(Reader& reader) {
    CheckInRound c;
    decode_fields(reader, c);
    EarlyMerge& merged = c.merged.emplace();
    merged.digest = reader.digest();
    merged.base = reader.digest();
    merged.durable = reader.boolean();
    return Command(std::move(c));
}

}  // namespace

void encode(Writer& writer, const Command& command) {
    std::visit(
        [&](const auto& c) {
            writer.u8(static_cast<std::uint8_t>(type_of(c)));
            encode_fields(writer, c);
        },
        command);
}

Command decode_command(Reader& reader) {
    switch (static_cast<CommandType>(reader.u8())) {
        case CommandType::register_node:
            return decoded<RegisterNode>(reader);
        case CommandType::enrol:
            return decoded<Enrol>(reader);
        case CommandType::check_in:
            return decoded<CheckInRound>(reader);
        case CommandType::commit_round:
            return decoded<CommitRound>(reader);
        case CommandType::leave:
            return decoded<LeaveContract>(reader);
        case CommandType::expire:
            return decoded<ExpireDeadline>(reader);
        case CommandType::lose_node:
            return decoded<LoseNode>(reader);
        case CommandType::exclude:
            return decoded<ExcludeMember>(reader);
        case CommandType::read_barrier:
            return decoded<ReadBarrier>(reader);
        case CommandType::checkpoint:
            return decoded<Checkpoint>(reader);
        case CommandType::remove_servers:
            return decoded<RemoveServers>(reader);
        case CommandType::swarm_rules:
            return decoded<SwarmRules>(reader);
        case CommandType::change_roll:
            return decoded<ChangeRoll>(reader);
        case CommandType::name_non_finite:
            return decoded<NameNonFinite>(reader);
        case CommandType::keep_apart:
            return decoded<KeepApart>(reader);
        case CommandType::name_false_merge:
            return decoded<NameFalseMerge>(reader);
        case CommandType::record_reports:
            return decoded<RecordReports>(reader);
        case CommandType::check_in_merged:
            return decoded_merged_check_in(reader);
    }
    reader.fail();
    return RegisterNode{};
}

}  // namespace starling
