// Encoding of lists of members, in which a member is what differs from the one before: see
// FORMAT.md. What is decoded has one encoding only.
#include <algorithm>

#include "core/ledger/command.hpp"

namespace starling {
namespace {

/// Of a member: two texts without a new byte, their ends, a port, flags and three small numbers.
constexpr std::size_t member_bytes_min = 10;
constexpr std::uint8_t merges_flag = 1;
constexpr std::uint8_t moved_flag = 2;  ///< its site is not that of the member before
constexpr std::size_t host_max = 255;

/// \pre  both texts have at most 255 bytes
void encode_text(Writer& writer, const std::string& text, const std::string& before) {
    const std::size_t limit = std::min(text.size(), before.size());
    std::size_t shared = 0;
    while (shared < limit && text[shared] == before[shared]) {
        ++shared;
    }
    writer.u8(static_cast<std::uint8_t>(shared));
    writer.u8(static_cast<std::uint8_t>(text.size() - shared));
    writer.raw(std::as_bytes(std::span(text).subspan(shared)));
}

std::string decode_text(Reader& reader, const std::string& before, std::size_t bytes_max) {
    const std::size_t shared = reader.u8();
    const ByteView rest = reader.raw(reader.u8());
    const auto* const end = reinterpret_cast<const char*>(rest.data());
    const bool shares_more = !rest.empty() && shared < before.size() && before[shared] == end[0];
    if (shared > before.size() || shared + rest.size() > bytes_max || shares_more) {
        reader.fail();
        return {};
    }
    std::string text = before.substr(0, shared);
    text.append(end, rest.size());
    return text;
}

/// As the difference from the value before, which is small most of the time.
void encode_step(Writer& writer, std::uint64_t value, std::uint64_t before) {
    const auto step = static_cast<std::int64_t>(value - before);
    writer.varint((static_cast<std::uint64_t>(step) << 1U) ^
                  static_cast<std::uint64_t>(step >> 63));
}

std::uint64_t decode_step(Reader& reader, std::uint64_t before) {
    const std::uint64_t coded = reader.varint();
    return before + ((coded >> 1U) ^ (0 - (coded & 1U)));
}

std::size_t text_bytes_of(const RoundMember& member) {
    return member.id.name.size() + member.address.host.size() + member.site.size();
}

void encode(Writer& writer, const RoundMember& member, const RoundMember& before) {
    encode_text(writer, member.id.name, before.id.name);
    encode_text(writer, member.address.host, before.address.host);
    writer.u16(member.address.port);
    const bool moved = member.site != before.site;
    writer.u8(
        static_cast<std::uint8_t>((member.merges ? merges_flag : 0) | (moved ? moved_flag : 0)));
    if (moved) {
        encode_text(writer, member.site, "");
    }
    writer.varint(member.weight);
    encode_step(writer, member.check_in_index, before.check_in_index);
    encode_step(writer, member.session, before.session);
}

void decode(Reader& reader, RoundMember& member, const RoundMember& before) {
    if (Result<NodeId> id = parse_node_id(decode_text(reader, before.id.name, node_name_max))) {
        member.id = std::move(*id);
    } else {
        reader.fail();
    }
    member.address.host = decode_text(reader, before.address.host, host_max);
    member.address.port = reader.u16();
    const std::uint8_t flags = reader.u8();
    member.merges = (flags & merges_flag) != 0;
    const bool moved = (flags & moved_flag) != 0;
    member.site = moved ? ShortText(decode_text(reader, "", node_name_max)) : before.site;
    const std::uint64_t weight = reader.varint();
    member.weight = static_cast<std::uint32_t>(weight);
    member.check_in_index = decode_step(reader, before.check_in_index);
    member.session = decode_step(reader, before.session);
    if (flags > (merges_flag | moved_flag) || (moved && member.site == before.site) ||
        weight > UINT32_MAX || !is_printable(member.address) || !is_site(member.site)) {
        reader.fail();
    }
}

}  // namespace

void encode(Writer& writer, const MemberList& members) {
    writer.u32(static_cast<std::uint32_t>(members.size()));
    static const RoundMember none;
    const RoundMember* before = &none;
    for (const RoundMember& member : members) {
        encode(writer, member, *before);
        before = &member;
    }
}

/// Who repeats the member before in a few bytes can't make anybody take more memory than the bound.
MemberList decode_members(Reader& reader, std::size_t text_bytes_max) {
    std::vector<RoundMember> members(reader.count(member_bytes_min, members_max));
    static const RoundMember none;
    const RoundMember* before = &none;
    std::size_t text_bytes = 0;
    for (RoundMember& member : members) {
        decode(reader, member, *before);
        text_bytes += text_bytes_of(member);
        if (!reader.ok() || !(before->id < member.id) || text_bytes > text_bytes_max) {
            reader.fail();
            return {};
        }
        before = &member;
    }
    return members;
}

std::uint64_t memory_bytes(const MemberList& members) {
    std::uint64_t bytes = members.size() * sizeof(RoundMember);
    for (const RoundMember& member : members) {
        bytes += text_bytes_of(member);
    }
    return bytes;
}

std::uint64_t encoded_size(const RoundMember& member) {
    Writer writer;
    static const RoundMember none;
    encode(writer, member, none);
    return writer.bytes().size();
}

std::uint64_t encoded_size(const MemberList& members) {
    return members.wire_bytes([](const MemberList& all) {
        Writer writer;
        encode(writer, all);
        return static_cast<std::uint64_t>(writer.bytes().size());
    });
}

Blob encoded(const MemberList& members) {
    return members.encoded([](const MemberList& all) {
        Writer writer;
        encode(writer, all);
        return writer.take();
    });
}

Digest digest_of(const MemberList& members, const Hasher& hasher) {
    Writer writer;
    encode(writer, members);
    return hasher.digest(writer.bytes());
}

}  // namespace starling
