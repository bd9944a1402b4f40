#include "core/ledger/snapshot.hpp"

#include <algorithm>

#include "core/ledger/ledger_bounds.hpp"
#include "core/ledger/ledger_soundness.hpp"
#include "core/ledger/membership.hpp"

namespace starling {
namespace {

constexpr std::string_view snapshot_magic = "STRLSNAP";
constexpr std::uint32_t snapshot_version = 2;
constexpr std::size_t sum_bytes = 32;

/// What any later record may take for granted.
bool is_sound(const LedgerSnapshot& snapshot) {
    const std::vector<Server>& servers = snapshot.servers.servers();
    const std::uint64_t membership = snapshot.servers.membership_index();
    return membership > 0 && membership <= snapshot.index() && snapshot.time_ns >= 0 &&
           snapshot.time_ns <= entry_time_max.count() && are_distinct(servers) &&
           std::ranges::any_of(servers, &Server::voter) &&
           std::ranges::none_of(servers,
                                [&](const Server& server) {
                                    return snapshot.servers.removed().contains(server.number);
                                }) &&
           is_sound(snapshot.ledger, snapshot.index());
}

Error not_a_snapshot(const std::string& why) {
    return {Errc::malformed, "it is no snapshot of a ledger: " + why};
}

/// Behind the version, if the checksum matches.
Result<Reader> open_snapshot(const Hasher& hasher, ByteView bytes) {
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
    return reader;
}

/// What stands before all else.
void take_head(Reader& reader, LedgerSnapshot& snapshot) {
    snapshot.link = reader.digest();
    snapshot.time_ns = reader.i64();
    snapshot.terms = TermRuns::decode(reader);
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

Result<SnapshotHead> decode_snapshot_head(const Hasher& hasher, ByteView bytes) {
    Result<Reader> reader = open_snapshot(hasher, bytes);
    if (!reader) {
        return reader.error();
    }
    LedgerSnapshot snapshot;
    take_head(*reader, snapshot);
    if (!reader->ok()) {
        return not_a_snapshot("a field is malformed");
    }
    return SnapshotHead{snapshot.index(), snapshot.link};
}

Result<LedgerSnapshot> decode_snapshot(const Hasher& hasher, ByteView bytes) {
    Result<Reader> opened = open_snapshot(hasher, bytes);
    if (!opened) {
        return opened.error();
    }
    Reader& reader = *opened;
    LedgerSnapshot snapshot;
    take_head(reader, snapshot);
    snapshot.servers = ServerHistory::decode(reader);
    snapshot.ledger = Ledger::decode(reader);
    snapshot.encoded_bytes = bytes.size();
    if (!reader.done()) {
        return not_a_snapshot("a field is malformed");
    }
    if (!is_sound(snapshot)) {
        return not_a_snapshot("no entries lead to what it says");
    }
    return snapshot;
}

}  // namespace starling
