#include "core/ledger/membership.hpp"
#include "core/wire/message_codec.hpp"

namespace starling {

void put(Writer& /*w*/, const SnapshotQuery& /*m*/) {}
void get(Reader& /*r*/, SnapshotQuery& /*m*/) {}
void put(Writer& w, const SnapshotOffer& m) {
    encode_servers(w, m.servers);
    w.u32(static_cast<std::uint32_t>(m.snapshots.size()));
    for (const OfferedSnapshot& snapshot : m.snapshots) {
        w.u64(snapshot.index);
        w.u64(snapshot.bytes);
        w.digest(snapshot.digest);
    }
}
void get(Reader& r, SnapshotOffer& m) {
    m.servers = decode_servers(r);
    m.snapshots.resize(r.count(48, offered_snapshots_max));
    for (OfferedSnapshot& snapshot : m.snapshots) {
        snapshot.index = r.u64();
        snapshot.bytes = r.u64();
        snapshot.digest = r.digest();
    }
}
void put(Writer& w, const FetchSnapshot& m) {
    w.u64(m.index);
    w.u64(m.offset);
}
void get(Reader& r, FetchSnapshot& m) {
    m.index = r.u64();
    m.offset = r.u64();
}
void put(Writer& w, const SnapshotPart& m) {
    w.u64(m.index);
    w.u64(m.offset);
}
void get(Reader& r, SnapshotPart& m) {
    m.index = r.u64();
    m.offset = r.u64();
}
void put(Writer& w, const FetchRecords& m) { w.u64(m.last); }
void get(Reader& r, FetchRecords& m) { m.last = r.u64(); }
void put(Writer& w, const RecordsPart& m) {
    w.u64(m.last);
    w.digest(m.link_before);
    encode_records(w, m.records);
}
void get(Reader& r, RecordsPart& m) {
    m.last = r.u64();
    m.link_before = r.digest();
    m.records = decode_records(r);
}

}  // namespace starling
