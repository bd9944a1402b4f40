#include "core/ledger/snapshot.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::string_view snapshot_magic = "STRLSNAP";
constexpr std::uint32_t snapshot_version = 2;
constexpr std::size_t sum_bytes = 32;

Error not_a_snapshot(const std::string& why) {
    return {Errc::malformed, "it is no snapshot of a ledger: " + why};
}

}  // namespace

std::uint64_t DurableLog::before() const { return snapshot ? snapshot->index() : 0; }

Bytes encode_snapshot(const Hasher& hasher, const SnapshotParts& parts) {
    Writer writer;
    writer.raw(std::as_bytes(std::span(snapshot_magic)));
    writer.u32(snapshot_version);
    writer.digest(parts.link);
    writer.i64(parts.time_ns);
    parts.terms.encode(writer);
    parts.servers.encode(writer);
    parts.ledger.encode(writer);
    writer.digest(hasher.digest(writer.bytes()));
    return writer.take();
}

Result<LedgerSnapshot> decode_snapshot(const Hasher& hasher, ByteView bytes) {
    if (bytes.size() < snapshot_magic.size() + sum_bytes) {
        return not_a_snapshot("it is too short");
    }
    const ByteView content = bytes.first(bytes.size() - sum_bytes);
    if (!std::ranges::equal(bytes.last(sum_bytes), hasher.digest(content).bytes)) {
        return not_a_snapshot("its checksum does not match");
    }
    Reader reader(content);
    const ByteView word = reader.raw(snapshot_magic.size());
    if (!std::ranges::equal(word, std::as_bytes(std::span(snapshot_magic)))) {
        return not_a_snapshot("it begins with other bytes");
    }
    if (const std::uint32_t version = reader.u32(); version != snapshot_version) {
        return Error{Errc::unknown_version, "it has version " + std::to_string(version) +
                                                ", and this program reads version " +
                                                std::to_string(snapshot_version)};
    }
    LedgerSnapshot snapshot;
    snapshot.link = reader.digest();
    snapshot.time_ns = reader.i64();
    snapshot.terms = TermRuns::decode(reader);
    snapshot.servers = ServerHistory::decode(reader);
    snapshot.ledger = Ledger::decode(reader);
    snapshot.encoded_bytes = bytes.size();
    if (!reader.done() || snapshot.servers.servers().empty() ||
        snapshot.servers.membership_index() == 0 ||
        snapshot.servers.membership_index() > snapshot.index()) {
        return not_a_snapshot("a field is malformed");
    }
    return snapshot;
}

}  // namespace starling
