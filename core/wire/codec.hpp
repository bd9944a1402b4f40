#pragma once

#include "core/wire/messages.hpp"

namespace starling {

// The frame is described byte by byte in FORMAT.md.

constexpr std::uint32_t frame_magic = 0x4c525453;  // "STRL", little-endian
constexpr std::uint8_t wire_version = 14;
constexpr std::size_t frame_header_bytes = 16;
/// The wire's type number is the alternative's index + 1: alternatives are only ever added at the
/// end.
constexpr std::size_t message_type_count = std::variant_size_v<Message::variant>;
/// The largest messages are an OpenSession with the layout of a very large model, and the records
/// of the log between two SNs.
constexpr std::uint32_t message_bytes_max = std::uint32_t{6} * 1024 * 1024;
/// The largest body is a segment (256 KiB).
constexpr std::uint32_t body_bytes_max = std::uint32_t{1} * 1024 * 1024;
/// Before the hellos are exchanged nobody may make us take more than this.
constexpr std::uint32_t hello_bytes_max = 4096;

struct FrameHeader {
    std::uint8_t type = 0;
    std::uint32_t message_bytes = 0;
    std::uint32_t body_bytes = 0;
};

/// Memory that the message of a frame takes beyond the frame's bytes, about: lists of members are
/// compressed, and a peer that lies can make them up to 57 times larger.
std::uint64_t unpacked_bytes(const Message& message);

/// Header and message; the body is sent behind it as it is. `frame.body` must not be a phantom when
/// the bytes are really sent.
Bytes encode_head(const Frame& frame);

/// The same bytes in two pieces: those of this frame, then those that it shares with other frames.
/// These are a part of a list of members, which an SN sends to many nodes; else nothing.
struct FrameHead {
    Bytes own;
    Blob shared;
    std::size_t size() const { return own.size() + shared.size(); }
};
FrameHead encode_shared_head(const Frame& frame);

/// Bytes on the wire: header, message and body. What the simulator charges.
std::uint64_t encoded_size(const Frame& frame);

/// \pre  exactly frame_header_bytes bytes.
/// Errc::malformed: no frame of ours; Errc::unknown_version; Errc::too_large: a length above its
/// bound. Nothing was allocated by then.
Result<FrameHeader> decode_header(ByteView bytes);

/// The message of a frame whose header was accepted. Errc::malformed names the type of message.
Result<Message> decode_message(const FrameHeader& header, ByteView bytes);

}  // namespace starling
