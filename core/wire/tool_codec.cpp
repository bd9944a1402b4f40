#include "core/wire/message_codec.hpp"

namespace starling {
namespace {

constexpr std::size_t topic_max = 64;

}  // namespace

void put(Writer& w, const SeatRequest& m) { w.boolean(m.renew); }
void get(Reader& r, SeatRequest& m) { m.renew = r.boolean(); }
void put(Writer& /*w*/, const SeatRelease& /*m*/) {}
void get(Reader& /*r*/, SeatRelease& /*m*/) {}
void put(Writer& w, const SeatReply& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
    w.i64(m.lease_ns);
}
void get(Reader& r, SeatReply& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
    m.lease_ns = r.i64();
}
void put(Writer& w, const StatusQuery& m) {
    w.u32(m.id);
    w.string(m.topic);
    w.string(m.name);
    w.boolean(m.follow);
}
void get(Reader& r, StatusQuery& m) {
    m.id = r.u32();
    m.topic = r.string(topic_max);
    m.name = r.string(contract_name_max);
    m.follow = r.boolean();
}
void put(Writer& w, const SeatRule& m) {
    w.u32(m.id);
    encode(w, m.node);
    w.boolean(m.allow);
}
void get(Reader& r, SeatRule& m) {
    m.id = r.u32();
    m.node = decode_node_id(r);
    m.allow = r.boolean();
}
void put(Writer& w, const StatusReply& m) {
    w.u32(m.id);
    put(w, m.code);
    w.string(bounded(m.reason));
}
void get(Reader& r, StatusReply& m) {
    m.id = r.u32();
    m.code = get_errc(r);
    m.reason = r.string(text_max);
}

void put(Writer& w, const RemoveServer& m) {
    w.u32(m.id);
    encode(w, m.node);
    encode(w, m.by);
    w.u64(m.number);
    encode(w, m.credentials);
    encode(w, m.signature);
}
void get(Reader& r, RemoveServer& m) {
    m.id = r.u32();
    m.node = decode_node_id(r);
    m.by = decode_node_id(r);
    m.number = r.u64();
    m.credentials = decode_credentials(r);
    m.signature = decode_signature(r);
}

}  // namespace starling
