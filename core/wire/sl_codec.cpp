#include "core/wire/message_codec.hpp"

namespace starling {
namespace {

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
SegmentKind get_kind(Reader& r) {
    return decode_enum(r, SegmentKind::contribution, SegmentKind::merged);
}

}  // namespace

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

}  // namespace starling
