// Messages to bytes and back; FORMAT.md is the specification. Bytes come from peers that may lie:
// every count is checked against the bytes that are left before anything is allocated, every text
// has its bound, every enum is looked up, and a message must end with its last byte. Malformed
// input is an error value, never an exception; the fuzz targets `wire` and `ledger` hold this.
//
// The put() and get() of each message are in sn_codec.cpp and the like, by sender and receiver.
#include "core/wire/codec.hpp"

#include "core/wire/message_codec.hpp"

namespace starling {

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

namespace {

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
