#include "core/ledger/signature.hpp"

#include <cstring>

namespace starling {
namespace {

template <std::size_t size>
void read_into(Reader& reader, std::array<std::byte, size>& bytes) {
    const ByteView view = reader.raw(size);
    if (view.size() == size) {
        std::memcpy(bytes.data(), view.data(), size);
    }
}

void encode_bytes(Writer& writer, const Bytes& bytes) {
    writer.u32(static_cast<std::uint32_t>(bytes.size()));
    writer.raw(bytes);
}

Bytes decode_bytes(Reader& reader, std::size_t bytes_max) {
    const std::uint32_t size = reader.u32();
    if (size > bytes_max) {
        reader.fail();
    }
    const ByteView view = reader.raw(reader.ok() ? size : 0);
    return {view.begin(), view.end()};
}

}  // namespace

Bytes endorsement_text(const NodeId& node, Role role, const PublicKey& key) {
    Writer writer;
    writer.string("starling key 1");
    writer.string(node.name);
    writer.u8(static_cast<std::uint8_t>(role));
    writer.raw(key.bytes);
    return writer.take();
}

Bytes removal_text(const NodeId& tool, const NodeId& server, std::uint64_t number) {
    Writer writer;
    writer.string("starling remove server 1");
    writer.string(tool.name);
    writer.string(server.name);
    writer.u64(number);
    return writer.take();
}

void encode(Writer& writer, const Signature& signature) { writer.raw(signature.bytes); }

Signature decode_signature(Reader& reader) {
    Signature signature;
    read_into(reader, signature.bytes);
    return signature;
}

void encode(Writer& writer, const Credentials& credentials) {
    writer.raw(credentials.key.bytes);
    writer.digest(credentials.ca);
    encode_bytes(writer, *credentials.certificate);
    encode_bytes(writer, *credentials.issuer);
    encode_bytes(writer, *credentials.endorsement);
}

Credentials decode_credentials(Reader& reader) {
    Credentials credentials;
    read_into(reader, credentials.key.bytes);
    credentials.ca = reader.digest();
    credentials.certificate = decode_bytes(reader, certificate_bytes_max);
    credentials.issuer = decode_bytes(reader, certificate_bytes_max);
    credentials.endorsement = decode_bytes(reader, endorsement_bytes_max);
    return credentials;
}

}  // namespace starling
