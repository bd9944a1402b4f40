#include <algorithm>
#include <cstring>

#include "core/base/invariant.hpp"
#include "core/wire/codec.hpp"
#include "tests/fuzz/targets.hpp"
#include "transport/tls/frame_reader.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling::fuzz {
namespace {

/// Members ascend, and a small message takes no more memory than any other.
void list(const MemberListPart& part) {
    const auto is_behind = [](const RoundMember& a, const RoundMember& b) {
        return !(a.id < b.id);
    };
    STARLING_INVARIANT(std::ranges::adjacent_find(part.members, is_behind) == part.members.end(),
                       "each member once");
    STARLING_INVARIANT(memory_bytes(part.members) <=
                           list_text_bytes_max + part.members.size() * sizeof(RoundMember),
                       "bounded");
}

/// Byte 0: the type of the message. Each message that can be decoded has exactly one encoding.
void message(ByteView input) {
    if (input.empty()) {
        return;
    }
    constexpr std::size_t types = std::variant_size_v<Message::variant>;
    FrameHeader header;
    header.type = static_cast<std::uint8_t>(std::to_integer<unsigned>(input[0]) % types + 1);
    const ByteView body = input.subspan(1);
    header.message_bytes = static_cast<std::uint32_t>(body.size());
    const Result<Message> read = decode_message(header, body);
    if (!read) {
        return;
    }
    if (const auto* const part = std::get_if<MemberListPart>(&*read)) {
        list(*part);
    }
    const Bytes head = encode_head({*read, {}});
    STARLING_INVARIANT(same(ByteView(head).subspan(frame_header_bytes), body), "one encoding");
    STARLING_INVARIANT(encoded_size({*read, {}}) == head.size(), "the size that is charged");
    const Result<FrameHeader> again = decode_header(ByteView(head).first(frame_header_bytes));
    STARLING_INVARIANT(again && again->type == header.type, "its header can be read");
    (void)type_name(*read);
}

void header(ByteView input) {
    if (input.size() < frame_header_bytes) {
        return;
    }
    if (const auto read = decode_header(input.first(frame_header_bytes))) {
        STARLING_INVARIANT(read->message_bytes <= message_bytes_max, "bounded");
        STARLING_INVARIANT(read->body_bytes <= body_bytes_max, "bounded");
    }
}

/// A connection that delivers as many bytes at a time as byte 0 says.
void frames(ByteView input) {
    if (input.empty()) {
        return;
    }
    const std::size_t chunk = std::to_integer<std::size_t>(input[0]) + 1;
    input = input.subspan(1);
    FrameReader reader;
    while (!input.empty()) {
        const std::span<std::byte> space = reader.space();
        STARLING_INVARIANT(!space.empty(), "there is always space");
        const std::size_t count = std::min({space.size(), input.size(), chunk});
        std::memcpy(space.data(), input.data(), count);
        input = input.subspan(count);
        const auto got = reader.advance(count);
        if (!got) {
            return;
        }
        if (*got) {
            reader.allow_large_frames();
            const Frame& frame = (*got)->frame;
            STARLING_INVARIANT(encode_head(frame).size() + frame.body.size() == (*got)->size_bytes,
                               "what is counted is what came");
        }
    }
    (void)reader.between_frames();
}

/// The first two bytes: how many come at a time, and what was sent in the other direction, so that
/// credits can be right. Then records of a program that shares memory, as it likes.
void records(ByteView input) {
    if (input.size() < 2) {
        return;
    }
    Result<SharedRegion> in = SharedRegion::create(SharedRegion::Use::read);
    Result<SharedRegion> out = SharedRegion::create(SharedRegion::Use::write);
    STARLING_INVARIANT(in && out, "memory can be shared");
    SharedLink link({std::move(*out), std::move(*in)});
    const std::size_t chunk = std::to_integer<std::size_t>(input[0]) + 1;
    const Bytes piece(std::to_integer<std::size_t>(input[1]) * 256);
    if (!piece.empty()) {
        link.write(piece);
    }
    input = input.subspan(2);
    Bytes space(std::size_t{1} << 20U);
    while (!input.empty()) {
        const std::size_t count = std::min(chunk, input.size());
        ByteView arrived = input.first(count);
        input = input.subspan(count);
        for (;;) {
            const Result<std::size_t> got = link.read(arrived, space);
            if (!got) {
                return;
            }
            STARLING_INVARIANT(*got <= space.size(), "no more than there is space for");
            if (*got == 0) {
                break;
            }
        }
        STARLING_INVARIANT(arrived.empty(), "all was read");
    }
}

}  // namespace

void wire(ByteView input) {
    constexpr InputTest parsers[] = {message, header, frames, records};
    static_assert(std::size(parsers) == wire_parser::count);
    choose(parsers, input);
}

}  // namespace starling::fuzz
