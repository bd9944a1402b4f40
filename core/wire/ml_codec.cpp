#include "core/wire/message_codec.hpp"

namespace starling {

void put(Writer& w, const OpenSession& m) {
    w.string(m.contract);
    encode(w, m.config);
    w.string(m.layout_text);
    w.u8(static_cast<std::uint8_t>(m.end_mode));
}
void get(Reader& r, OpenSession& m) {
    m.contract = r.string(contract_name_max);
    m.config = decode_contract_config(r);
    m.layout_text = r.string(layout_text_max);
    const std::uint8_t mode = r.u8();
    if (mode < 1 || mode > 3) {
        r.fail();
        return;
    }
    m.end_mode = static_cast<EndMode>(mode);
}
void put(Writer& w, const SyncBegin& m) {
    w.u64(m.sequence);
    encode(w, m.check_in);
    w.boolean(m.stores_state);
    w.boolean(m.until_merge);
}
void get(Reader& r, SyncBegin& m) {
    m.sequence = r.u64();
    m.check_in = decode_check_in(r);
    m.stores_state = r.boolean();
    m.until_merge = r.boolean();
}
void put(Writer& w, const StateStored& m) { w.u64(m.sequence); }
void get(Reader& r, StateStored& m) { m.sequence = r.u64(); }
void put(Writer& w, const MlSegment& m) {
    w.u64(m.sequence);
    w.u32(m.index);
}
void get(Reader& r, MlSegment& m) {
    m.sequence = r.u64();
    m.index = r.u32();
}
void put(Writer& w, const CloseSession& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
}
void get(Reader& r, CloseSession& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
}
void put(Writer& w, const SessionOpened& m) {
    w.u32(m.run);
    w.u64(m.round);
    w.u32(m.min_peers);
}
void get(Reader& r, SessionOpened& m) {
    m.run = r.u32();
    m.round = r.u64();
    m.min_peers = r.u32();
}
void put(Writer& w, const SyncDone& m) {
    w.u64(m.sequence);
    w.u64(m.round);
    w.u32(m.member_count);
    w.digest(m.digest);
    w.boolean(m.final);
    w.boolean(m.committed);
}
void get(Reader& r, SyncDone& m) {
    m.sequence = r.u64();
    m.round = r.u64();
    m.member_count = r.u32();
    m.digest = r.digest();
    m.final = r.boolean();
    m.committed = r.boolean();
}
void put(Writer& w, const SyncCommitted& m) { w.u64(m.sequence); }
void get(Reader& r, SyncCommitted& m) { m.sequence = r.u64(); }
void put(Writer& w, const ModelTaken& m) { w.u64(m.sequence); }
void get(Reader& r, ModelTaken& m) { m.sequence = r.u64(); }
void put(Writer& w, const SessionFailed& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
}
void get(Reader& r, SessionFailed& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
}

}  // namespace starling
