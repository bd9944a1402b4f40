#include "core/ledger/consensus.hpp"

#include <array>

#include "core/ledger/command.hpp"

namespace starling {

namespace {

constexpr std::size_t record_header_bytes = 9;  ///< term, kind

void encode_record_header(Writer& writer, const LogRecord& record) {
    writer.u64(record.term);
    writer.u8(static_cast<std::uint8_t>(record.kind));
}

}  // namespace

Bytes encode_record(const LogRecord& record) {
    Writer writer;
    writer.reserve(record_header_bytes + record.data.size());
    encode_record_header(writer, record);
    writer.raw(record.data);
    return writer.take();
}

Result<LogRecord> decode_record(std::uint64_t index, ByteView bytes) {
    Reader reader(bytes);
    LogRecord record;
    record.index = index;
    record.term = reader.u64();
    const std::uint8_t kind = reader.u8();
    if (!reader.ok() || kind < 1 || kind > 3 || record.term == 0) {
        return Error{Errc::malformed, "record " + std::to_string(index) + " is not a log record"};
    }
    record.kind = static_cast<RecordKind>(kind);
    const ByteView data = bytes.subspan(record_header_bytes);
    record.data.assign(data.begin(), data.end());
    return record;
}

Digest chain_link(const Hasher& hasher, const Digest& before, std::uint64_t index, ByteView bytes) {
    Writer number;
    number.u64(index);
    const std::array<ByteView, 3> parts{ByteView(before.bytes), ByteView(number.bytes()), bytes};
    return hasher.digest(std::span<const ByteView>(parts));
}

Digest chain_link(const Hasher& hasher, const Digest& before, const LogRecord& record) {
    Writer numbers;
    numbers.u64(record.index);
    encode_record_header(numbers, record);
    const std::array<ByteView, 3> parts{ByteView(before.bytes), ByteView(numbers.bytes()),
                                        ByteView(record.data)};
    return hasher.digest(std::span<const ByteView>(parts));
}

std::uint64_t server_number(const Hasher& hasher, const NodeId& node, std::uint64_t start) {
    Writer writer;
    encode(writer, node);
    writer.u64(start);
    const Digest digest = hasher.digest(writer.bytes());
    Reader reader(digest.bytes);
    return reader.u64() | 1U;  // 0 means none
}

void encode(Writer& writer, const Server& server) {
    encode(writer, server.node);
    encode(writer, server.address);
    writer.u64(server.number);
    writer.boolean(server.voter);
}

Server decode_server(Reader& reader) {
    Server server;
    server.node = decode_node_id(reader);
    server.address = decode_address(reader);
    server.number = reader.u64();
    server.voter = reader.boolean();
    if (server.number == 0) {
        reader.fail();
    }
    return server;
}

void encode_records(Writer& writer, const std::vector<Bytes>& records) {
    writer.u32(static_cast<std::uint32_t>(records.size()));
    for (const Bytes& record : records) {
        writer.u32(static_cast<std::uint32_t>(record.size()));
        writer.raw(record);
    }
}

std::vector<Bytes> decode_records(Reader& reader) {
    std::vector<Bytes> records(reader.count(4, records_per_message));
    for (Bytes& record : records) {
        const std::uint32_t size = reader.u32();
        if (size > record_bytes_max) {
            reader.fail();
        }
        const ByteView bytes = reader.raw(reader.ok() ? size : 0);
        record.assign(bytes.begin(), bytes.end());
    }
    return records;
}

void encode(Writer& writer, const ConsensusMessage& message) {
    writer.u8(static_cast<std::uint8_t>(message.kind));
    writer.u8(message.version);
    writer.u64(message.sender);
    writer.u64(message.receiver);
    writer.u64(message.term);
    writer.u64(message.log_index);
    writer.u64(message.log_term);
    writer.u64(message.commit);
    writer.u64(message.rejected);
    writer.u16(message.features);
    writer.u16(message.capacity);
    writer.boolean(message.disrupt_leader);
    writer.boolean(message.pre_vote);
    writer.boolean(message.granted);
    writer.boolean(message.lacks_records);
    encode_records(writer, message.records);
}

ConsensusMessage decode_consensus_message(Reader& reader) {
    ConsensusMessage message;
    const std::uint8_t kind = reader.u8();
    if (kind < 1 || kind > 6 || kind == 5) {
        reader.fail();
        return message;
    }
    message.kind = static_cast<ConsensusKind>(kind);
    message.version = reader.u8();
    message.sender = reader.u64();
    message.receiver = reader.u64();
    message.term = reader.u64();
    message.log_index = reader.u64();
    message.log_term = reader.u64();
    message.commit = reader.u64();
    message.rejected = reader.u64();
    message.features = reader.u16();
    message.capacity = reader.u16();
    message.disrupt_leader = reader.boolean();
    message.pre_vote = reader.boolean();
    message.granted = reader.boolean();
    message.lacks_records = reader.boolean();
    message.records = decode_records(reader);
    return message;
}

}  // namespace starling
