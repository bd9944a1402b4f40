#include "core/ledger/command.hpp"

#include <algorithm>

#include "core/base/overloaded.hpp"
#include "core/ledger/ledger_bounds.hpp"

namespace starling {

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
    if (!is_printable(address)) {
        reader.fail();
    }
    return address;
}

bool is_printable(const Address& address) {
    return std::all_of(address.host.begin(), address.host.end(),
                       [](char c) { return c >= ' ' && c <= '~'; });
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
                          [](const RecordReports&) { return "record_reports"; },
                      },
                      command);
}

bool is_for_sns(const Command& command) {
    return std::holds_alternative<ExpireDeadline>(command) ||
           std::holds_alternative<LoseNode>(command) ||
           std::holds_alternative<ExcludeMember>(command) ||
           std::holds_alternative<KeepApart>(command) ||
           std::holds_alternative<CommitRound>(command) ||
           std::holds_alternative<RecordReports>(command) ||
           std::holds_alternative<Checkpoint>(command) ||
           std::holds_alternative<RemoveServers>(command) ||
           std::holds_alternative<SwarmRules>(command);
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
                  Attempt attempt, const Digest& digest, bool durable) {
    Writer writer;
    writer.reserve(256);  // most
    writer.string("starling report 2");
    encode(writer, node);
    writer.string(contract);
    writer.u32(run);
    writer.u64(round);
    writer.u32(attempt);
    writer.digest(digest);
    writer.boolean(durable);
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
    return from_ns(std::clamp<std::int64_t>(entry.time_ns, 0, entry_time_max.count()));
}

}  // namespace starling
