// Messages to bytes and back; FORMAT.md is the specification. Bytes come from peers that may lie:
// every count is checked against the bytes that are left before anything is allocated, every text
// has its bound, every enum is looked up, and a message must end with its last byte. Malformed
// input is an error value, never an exception; the fuzz targets `wire` and `ledger` hold this.
//
// One put() and one get() a message, in the order of FORMAT.md: what put writes, get reads.
#include "core/wire/codec.hpp"

#include <algorithm>

#include "core/ledger/membership.hpp"
#include "core/wire/state_codec.hpp"

namespace starling {
namespace {

constexpr std::size_t text_max = 4096;
constexpr std::size_t topic_max = 64;
constexpr std::size_t rebuild_entry_max = std::size_t{32} * 1024;
constexpr std::uint32_t stalls_max = 64;

void put(Writer& w, const RoundKey& key) {
    w.string(key.contract);
    w.u32(key.run);
    w.u64(key.round);
    w.u32(key.attempt);
    w.boolean(key.early);
}
RoundKey get_key(Reader& r) {
    RoundKey key;
    key.contract = r.string(contract_name_max);
    key.run = r.u32();
    key.round = r.u64();
    key.attempt = r.u32();
    key.early = r.boolean();
    return key;
}
std::string_view bounded(const std::string& text) {
    return std::string_view(text).substr(0, text_max);
}
SegmentKind get_kind(Reader& r) {
    return decode_enum(r, SegmentKind::contribution, SegmentKind::merged);
}
Errc get_errc(Reader& r) {
    const std::uint8_t value = r.u8();
    if (value > static_cast<std::uint8_t>(Errc::replaced)) {
        r.fail();
        return Errc::malformed;
    }
    return static_cast<Errc>(value);
}
void put(Writer& w, Errc code) { w.u8(static_cast<std::uint8_t>(code)); }

void put(Writer& w, const Hello& m) {
    encode(w, m.name);
    w.u8(static_cast<std::uint8_t>(m.role));
    w.u64(m.session);
}
void get(Reader& r, Hello& m) {
    m.name = decode_node_id(r);
    const std::uint8_t role = r.u8();
    if (role < 1 || role > 5) {
        r.fail();
        return;
    }
    m.role = static_cast<Role>(role);
    m.session = r.u64();
}
void put(Writer& w, const Refused& m) {
    put(w, m.code);
    w.string(std::string_view(m.reason).substr(0, reason_max));
}
void get(Reader& r, Refused& m) {
    m.code = get_errc(r);
    m.reason = r.string(reason_max);
}
void put(Writer& w, const SubmitCommand& m) {
    w.u64(m.session);
    w.u64(m.sequence);
    encode(w, m.command);
    encode(w, m.signature);
}
void get(Reader& r, SubmitCommand& m) {
    m.session = r.u64();
    m.sequence = r.u64();
    m.command = decode_command(r);
    m.signature = decode_signature(r);
}
void put(Writer& w, const Heartbeat& m) {
    w.string(m.contract);
    w.u32(m.run);
    w.u64(m.known_version);
    w.u64(m.round);
    w.u32(m.attempt);
    w.u64(m.progress.received_bytes);
    w.u64(m.progress.expected_bytes);
    w.string(m.progress.waits_for);
    w.u32(static_cast<std::uint32_t>(m.stalls.size()));
    for (const Stall& stall : m.stalls) {
        encode(w, stall.node);
        w.boolean(stall.merged);
        w.boolean(stall.refused);
    }
    w.u32(static_cast<std::uint32_t>(m.senders.size()));
    for (const Sender& sender : m.senders) {
        w.string(sender.member);
        w.u64(sender.bytes);
    }
    w.boolean(m.report.has_value());
    if (m.report) {
        w.digest(m.report->digest);
        encode(w, m.report->signature);
        w.boolean(m.report->durable);
    }
    w.u64(m.session);
}
void get(Reader& r, Heartbeat& m) {
    m.contract = r.string(contract_name_max);
    m.run = r.u32();
    m.known_version = r.u64();
    m.round = r.u64();
    m.attempt = r.u32();
    m.progress.received_bytes = r.u64();
    m.progress.expected_bytes = r.u64();
    m.progress.waits_for = r.string(node_name_max);
    m.stalls.resize(r.count(7, stalls_max));
    for (Stall& stall : m.stalls) {
        stall.node = decode_node_id(r);
        stall.merged = r.boolean();
        stall.refused = r.boolean();
    }
    m.senders.resize(r.count(12, senders_max));
    for (Sender& sender : m.senders) {
        sender.member = r.string(node_name_max);
        sender.bytes = r.u64();
    }
    if (r.boolean()) {
        m.report = MergeReport{r.digest(), decode_signature(r), r.boolean()};
    }
    m.session = r.u64();
}
void put(Writer& w, const CommandResult& m) {
    w.u64(m.sequence);
    put(w, m.code);
    w.string(bounded(m.reason));
    w.u32(m.run);
    w.u64(m.session);
}
void get(Reader& r, CommandResult& m) {
    m.sequence = r.u64();
    m.code = get_errc(r);
    m.reason = r.string(text_max);
    m.run = r.u32();
    m.session = r.u64();
}
void put(Writer& w, const std::optional<Digest>& digest) {
    w.boolean(digest.has_value());
    if (digest) {
        w.digest(*digest);
    }
}
std::optional<Digest> get_optional_digest(Reader& r) {
    return r.boolean() ? std::optional(r.digest()) : std::nullopt;
}

void put(Writer& w, const ViewUpdate& m) {
    encode(w, m.view);
    put(w, m.frozen_list);
    put(w, m.commit_list);
}
void get(Reader& r, ViewUpdate& m) {
    m.view = decode_contract_view(r);
    m.frozen_list = get_optional_digest(r);
    m.commit_list = get_optional_digest(r);
}
void put(Writer& w, const FetchSegments& m) {
    put(w, m.key);
    w.u8(static_cast<std::uint8_t>(m.kind));
    w.u32(static_cast<std::uint32_t>(m.ranges.size()));
    for (const SegmentRange& range : m.ranges) {
        w.u32(range.first);
        w.u32(range.count);
    }
}
void get(Reader& r, FetchSegments& m) {
    m.key = get_key(r);
    m.kind = get_kind(r);
    m.ranges.resize(r.count(8, ranges_per_fetch_max));
    for (SegmentRange& range : m.ranges) {
        range.first = r.u32();
        range.count = r.u32();
    }
}
void put(Writer& w, const SegmentData& m) {
    put(w, m.key);
    w.u8(static_cast<std::uint8_t>(m.kind));
    w.u32(m.index);
}
void get(Reader& r, SegmentData& m) {
    m.key = get_key(r);
    m.kind = get_kind(r);
    m.index = r.u32();
}
void put(Writer& w, const FetchProbe& m) {
    put(w, m.key);
    w.u32(m.serial);
}
void get(Reader& r, FetchProbe& m) {
    m.key = get_key(r);
    m.serial = r.u32();
}
void put(Writer& w, const FetchProbeReply& m) {
    put(w, m.key);
    w.u32(m.serial);
    w.boolean(m.known);
    w.u32(m.owed);
}
void get(Reader& r, FetchProbeReply& m) {
    m.key = get_key(r);
    m.serial = r.u32();
    m.known = r.boolean();
    m.owed = r.u32();
}
void put(Writer& w, const OpenSession& m) {
    w.string(m.contract);
    encode(w, m.config);
    w.string(m.layout_text);
    w.u8(static_cast<std::uint8_t>(m.end_mode));
}
void get(Reader& r, OpenSession& m) {
    m.contract = r.string(contract_name_max);
    m.config = decode_contract_config(r);
    m.layout_text = r.string(layout_text_max);
    const std::uint8_t mode = r.u8();
    if (mode < 1 || mode > 3) {
        r.fail();
        return;
    }
    m.end_mode = static_cast<EndMode>(mode);
}
void put(Writer& w, const SyncBegin& m) {
    w.u64(m.sequence);
    encode(w, m.check_in);
}
void get(Reader& r, SyncBegin& m) {
    m.sequence = r.u64();
    m.check_in = decode_check_in(r);
}
void put(Writer& w, const MlSegment& m) {
    w.u64(m.sequence);
    w.u32(m.index);
}
void get(Reader& r, MlSegment& m) {
    m.sequence = r.u64();
    m.index = r.u32();
}
void put(Writer& w, const CloseSession& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
}
void get(Reader& r, CloseSession& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
}
void put(Writer& w, const SessionOpened& m) {
    w.u32(m.run);
    w.u64(m.round);
    w.u32(m.min_peers);
}
void get(Reader& r, SessionOpened& m) {
    m.run = r.u32();
    m.round = r.u64();
    m.min_peers = r.u32();
}
void put(Writer& w, const SyncDone& m) {
    w.u64(m.sequence);
    w.u64(m.round);
    w.u32(m.member_count);
    w.digest(m.digest);
    w.boolean(m.final);
}
void get(Reader& r, SyncDone& m) {
    m.sequence = r.u64();
    m.round = r.u64();
    m.member_count = r.u32();
    m.digest = r.digest();
    m.final = r.boolean();
}
void put(Writer& w, const SessionFailed& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
}
void get(Reader& r, SessionFailed& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
}

void put(Writer& w, const SeatRequest& m) { w.boolean(m.renew); }
void get(Reader& r, SeatRequest& m) { m.renew = r.boolean(); }
void put(Writer& /*w*/, const SeatRelease& /*m*/) {}
void get(Reader& /*r*/, SeatRelease& /*m*/) {}
void put(Writer& w, const SeatReply& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
    w.i64(m.lease_ns);
}
void get(Reader& r, SeatReply& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
    m.lease_ns = r.i64();
}
void put(Writer& w, const StatusQuery& m) {
    w.u32(m.id);
    w.string(m.topic);
    w.string(m.name);
    w.boolean(m.follow);
}
void get(Reader& r, StatusQuery& m) {
    m.id = r.u32();
    m.topic = r.string(topic_max);
    m.name = r.string(contract_name_max);
    m.follow = r.boolean();
}
void put(Writer& w, const SeatRule& m) {
    w.u32(m.id);
    encode(w, m.node);
    w.boolean(m.allow);
}
void get(Reader& r, SeatRule& m) {
    m.id = r.u32();
    m.node = decode_node_id(r);
    m.allow = r.boolean();
}
void put(Writer& w, const StatusReply& m) {
    w.u32(m.id);
    put(w, m.code);
    w.string(bounded(m.reason));
}
void get(Reader& r, StatusReply& m) {
    m.id = r.u32();
    m.code = get_errc(r);
    m.reason = r.string(text_max);
}

void put(Writer& w, const ConsensusMessage& m) { encode(w, m); }
void get(Reader& r, ConsensusMessage& m) { m = decode_consensus_message(r); }
void put(Writer& w, const RelayedCommand& m) {
    encode(w, m.from);
    put(w, m.submit);
}
void get(Reader& r, RelayedCommand& m) {
    m.from = decode_node_id(r);
    get(r, m.submit);
}
void put(Writer& w, const RelayedNews& m) {
    encode(w, m.node);
    w.boolean(m.connected);
    put(w, m.beat);
}
void get(Reader& r, RelayedNews& m) {
    m.node = decode_node_id(r);
    m.connected = r.boolean();
    get(r, m.beat);
}
void put(Writer& w, const MembershipRequest& m) {
    encode(w, m.server);
    w.boolean(m.leave);
}
void get(Reader& r, MembershipRequest& m) {
    m.server = decode_server(r);
    m.leave = r.boolean();
}
void put(Writer& w, const MembershipReply& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
    encode_servers(w, m.servers);
    w.boolean(m.leader.has_value());
    if (m.leader) {
        encode(w, *m.leader);
    }
    w.boolean(m.rebuilt.has_value());
    if (m.rebuilt) {
        encode(w, m.rebuilt->credentials);
        w.u32(static_cast<std::uint32_t>(m.rebuilt->entry.size()));
        w.raw(m.rebuilt->entry);
    }
}
void get(Reader& r, MembershipReply& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
    m.servers = decode_servers(r);
    if (r.boolean()) {
        m.leader = decode_node_id(r);
    }
    if (r.boolean()) {
        m.rebuilt.emplace();
        m.rebuilt->credentials = decode_credentials(r);
        const ByteView entry = r.raw(r.count(1, rebuild_entry_max));
        m.rebuilt->entry.assign(entry.begin(), entry.end());
    }
}
void put(Writer& w, const RemoveServer& m) {
    w.u32(m.id);
    encode(w, m.node);
    encode(w, m.by);
    w.u64(m.number);
    encode(w, m.credentials);
    encode(w, m.signature);
}
void get(Reader& r, RemoveServer& m) {
    m.id = r.u32();
    m.node = decode_node_id(r);
    m.by = decode_node_id(r);
    m.number = r.u64();
    m.credentials = decode_credentials(r);
    m.signature = decode_signature(r);
}

void put(Writer& w, const ReadIndex& m) {
    w.u8(static_cast<std::uint8_t>(m.step));
    w.u64(m.serial);
    w.u64(m.term);
    w.u64(m.index);
}
void get(Reader& r, ReadIndex& m) {
    const std::uint8_t step = r.u8();
    if (step < 1 || step > 4) {
        r.fail();
        return;
    }
    m.step = static_cast<ReadIndex::Step>(step);
    m.serial = r.u64();
    m.term = r.u64();
    m.index = r.u64();
}
void put(Writer& w, const RelayedResult& m) {
    encode(w, m.node);
    w.u64(m.session);
    put(w, m.result);
}
void get(Reader& r, RelayedResult& m) {
    m.node = decode_node_id(r);
    m.session = r.u64();
    get(r, m.result);
}

void put(Writer& w, const RollNews& m) {
    w.u32(static_cast<std::uint32_t>(m.pins.size()));
    for (const RollNews::Pin& pin : m.pins) {
        encode(w, pin.node);
        w.digest(pin.ca);
    }
}
void get(Reader& r, RollNews& m) {
    m.pins.resize(r.count(37, pins_max));
    for (RollNews::Pin& pin : m.pins) {
        pin.node = decode_node_id(r);
        pin.ca = r.digest();
    }
}

void put(Writer& w, const FetchMembers& m) {
    w.digest(m.list);
    w.u32(m.first);
}
void get(Reader& r, FetchMembers& m) {
    m.list = r.digest();
    m.first = r.u32();
}
/// All but the members.
constexpr std::uint64_t list_part_bytes = 32 + 4 + 4;
void put_place(Writer& w, const MemberListPart& m) {
    w.digest(m.list);
    w.u32(m.total);
    w.u32(m.first);
}
void put(Writer& w, const MemberListPart& m) {
    put_place(w, m);
    encode(w, m.members);
}
void get(Reader& r, MemberListPart& m) {
    m.list = r.digest();
    m.total = r.u32();
    m.first = r.u32();
    m.members = decode_members(r);
}

Bytes encode_message(const Message& message) {
    Writer writer;
    writer.reserve(256);
    std::visit([&](const auto& m) { put(writer, m); }, message);
    return writer.take();
}

template <std::size_t index>
bool decode_as(std::size_t wanted, Reader& reader, Message& out) {
    if (wanted != index) {
        return false;
    }
    std::variant_alternative_t<index, Message::variant> message;
    get(reader, message);
    out = std::move(message);
    return true;
}

template <std::size_t... indices>
void decode_alternative(std::size_t wanted, Reader& reader, Message& out,
                        std::index_sequence<indices...>) {
    (decode_as<indices>(wanted, reader, out) || ...);
}

void put_header(Writer& w, const Frame& frame, std::size_t message_bytes) {
    STARLING_INVARIANT(message_bytes <= message_bytes_max, "we never make a message we'd refuse");
    STARLING_INVARIANT(frame.body.size() <= body_bytes_max, "we never make a body we'd refuse");
    w.u32(frame_magic);
    w.u8(wire_version);
    w.u8(static_cast<std::uint8_t>(frame.message.index() + 1));
    w.u16(0);
    w.u32(static_cast<std::uint32_t>(message_bytes));
    w.u32(static_cast<std::uint32_t>(frame.body.size()));
}

}  // namespace

Bytes encode_head(const Frame& frame) {
    const Bytes message = encode_message(frame.message);
    Writer writer;
    put_header(writer, frame, message.size());
    writer.raw(message);
    return writer.take();
}

FrameHead encode_shared_head(const Frame& frame) {
    const auto* const part = std::get_if<MemberListPart>(&frame.message);
    if (part == nullptr) {
        return {encode_head(frame), {}};
    }
    Blob members = encoded(part->members);
    Writer writer;
    put_header(writer, frame, list_part_bytes + members.size());
    put_place(writer, *part);
    return {writer.take(), std::move(members)};
}

std::uint64_t encoded_size(const Frame& frame) {
    const auto message_bytes = [&]() -> std::uint64_t {
        if (const auto* update = std::get_if<ViewUpdate>(&frame.message)) {
            const auto digest = [](const auto& list) -> std::uint64_t { return list ? 33 : 1; };
            return encoded_size(update->view) + digest(update->frozen_list) +
                   digest(update->commit_list);
        }
        if (const auto* part = std::get_if<MemberListPart>(&frame.message)) {
            return list_part_bytes + encoded_size(part->members);
        }
        return encode_message(frame.message).size();
    };
    return frame_header_bytes + message_bytes() + frame.body.size();
}

Result<Message> decode_message(const FrameHeader& header, ByteView bytes) {
    STARLING_INVARIANT(header.type >= 1 && header.type <= message_type_count,
                       "the header was accepted");
    Reader reader(bytes);
    Message message;
    decode_alternative(header.type - 1U, reader, message,
                       std::make_index_sequence<message_type_count>());
    if (!reader.done()) {
        return Error{Errc::malformed, "malformed message of type " + std::to_string(header.type)};
    }
    return message;
}

}  // namespace starling
