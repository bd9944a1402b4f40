#include "core/ledger/membership.hpp"
#include "core/wire/message_codec.hpp"

namespace starling {
namespace {

constexpr std::size_t rebuild_entry_max = std::size_t{32} * 1024;

}  // namespace

void put(Writer& w, const ConsensusMessage& m) { encode(w, m); }
void get(Reader& r, ConsensusMessage& m) { m = decode_consensus_message(r); }
void put(Writer& w, const RelayedCommand& m) {
    encode(w, m.from);
    put(w, m.submit);
}
void get(Reader& r, RelayedCommand& m) {
    m.from = decode_node_id(r);
    get(r, m.submit);
}
void put(Writer& w, const RelayedNews& m) {
    encode(w, m.node);
    w.boolean(m.connected);
    put(w, m.beat);
}
void get(Reader& r, RelayedNews& m) {
    m.node = decode_node_id(r);
    m.connected = r.boolean();
    get(r, m.beat);
}
void put(Writer& w, const MembershipRequest& m) {
    encode(w, m.server);
    w.boolean(m.leave);
}
void get(Reader& r, MembershipRequest& m) {
    m.server = decode_server(r);
    m.leave = r.boolean();
}
void put(Writer& w, const MembershipReply& m) {
    put(w, m.code);
    w.string(bounded(m.reason));
    encode_servers(w, m.servers);
    w.boolean(m.leader.has_value());
    if (m.leader) {
        encode(w, *m.leader);
    }
    w.boolean(m.rebuilt.has_value());
    if (m.rebuilt) {
        encode(w, m.rebuilt->credentials);
        w.u32(static_cast<std::uint32_t>(m.rebuilt->entry.size()));
        w.raw(m.rebuilt->entry);
    }
}
void get(Reader& r, MembershipReply& m) {
    m.code = get_errc(r);
    m.reason = r.string(text_max);
    m.servers = decode_servers(r);
    if (r.boolean()) {
        m.leader = decode_node_id(r);
    }
    if (r.boolean()) {
        m.rebuilt.emplace();
        m.rebuilt->credentials = decode_credentials(r);
        const ByteView entry = r.raw(r.count(1, rebuild_entry_max));
        m.rebuilt->entry.assign(entry.begin(), entry.end());
    }
}
void put(Writer& w, const ReadIndex& m) {
    w.u8(static_cast<std::uint8_t>(m.step));
    w.u64(m.serial);
    w.u64(m.term);
    w.u64(m.index);
}
void get(Reader& r, ReadIndex& m) {
    const std::uint8_t step = r.u8();
    if (step < 1 || step > 4) {
        r.fail();
        return;
    }
    m.step = static_cast<ReadIndex::Step>(step);
    m.serial = r.u64();
    m.term = r.u64();
    m.index = r.u64();
}
void put(Writer& w, const RelayedResult& m) {
    encode(w, m.node);
    w.u64(m.session);
    put(w, m.result);
}
void get(Reader& r, RelayedResult& m) {
    m.node = decode_node_id(r);
    m.session = r.u64();
    get(r, m.result);
}

}  // namespace starling
