// The header of a frame, which says how much comes, and what that takes in memory.
#include "core/wire/codec.hpp"

namespace starling {
namespace {

bool may_have_body(std::uint8_t type) {
    return type == 8 /* SegmentData */ || type == 11 /* MlSegment */ ||
           type == 21 /* StatusReply */ || type == 38 /* SnapshotPart */;
}

}  // namespace

std::uint64_t unpacked_bytes(const Message& message) {
    if (const auto* update = std::get_if<ViewUpdate>(&message)) {
        const ContractView& view = update->view;
        return memory_bytes(view.frozen) +
               (view.last_commit ? memory_bytes(view.last_commit->members) : 0);
    }
    const auto* const part = std::get_if<MemberListPart>(&message);
    return part == nullptr ? 0 : memory_bytes(part->members);
}

Result<FrameHeader> decode_header(ByteView bytes) {
    STARLING_INVARIANT(bytes.size() == frame_header_bytes, "the transport reads a whole header");
    Reader reader(bytes);
    const std::uint32_t magic = reader.u32();
    const std::uint8_t version = reader.u8();
    FrameHeader header;
    header.type = reader.u8();
    const std::uint16_t flags = reader.u16();
    header.message_bytes = reader.u32();
    header.body_bytes = reader.u32();
    if (magic != frame_magic) {
        return Error{Errc::malformed, "not a Starling frame (wrong magic)"};
    }
    if (version != wire_version) {
        return Error{Errc::unknown_version, "wire version " + std::to_string(version) +
                                                ", this node supports version " +
                                                std::to_string(wire_version)};
    }
    if (header.type == 0 || header.type > message_type_count || flags != 0) {
        return Error{Errc::malformed, "frame of unknown type " + std::to_string(header.type)};
    }
    if (header.message_bytes > message_bytes_max) {
        return Error{Errc::too_large, "message of " + std::to_string(header.message_bytes) +
                                          " bytes, at most " + std::to_string(message_bytes_max)};
    }
    const std::uint32_t body_max = may_have_body(header.type) ? body_bytes_max : 0;
    if (header.body_bytes > body_max) {
        return Error{Errc::too_large, "body of " + std::to_string(header.body_bytes) +
                                          " bytes, at most " + std::to_string(body_max)};
    }
    return header;
}

}  // namespace starling
