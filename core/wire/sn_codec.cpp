#include "core/wire/message_codec.hpp"

namespace starling {
namespace {

constexpr std::uint32_t stalls_max = 64;

void put(Writer& w, const std::optional<Digest>& digest) {
    w.boolean(digest.has_value());
    if (digest) {
        w.digest(*digest);
    }
}
std::optional<Digest> get_optional_digest(Reader& r) {
    return r.boolean() ? std::optional(r.digest()) : std::nullopt;
}

}  // namespace

void put(Writer& w, const SubmitCommand& m) {
    w.u64(m.session);
    w.u64(m.sequence);
    encode(w, m.command);
    encode(w, m.signature);
}
void get(Reader& r, SubmitCommand& m) {
    m.session = r.u64();
    m.sequence = r.u64();
    m.command = decode_command(r);
    m.signature = decode_signature(r);
}
void put(Writer& w, const Heartbeat& m) {
    w.string(m.contract);
    w.u32(m.run);
    w.u64(m.known_version);
    w.u64(m.round);
    w.u32(m.attempt);
    w.u64(m.progress.received_bytes);
    w.u64(m.progress.expected_bytes);
    w.string(m.progress.waits_for);
    w.u32(static_cast<std::uint32_t>(m.stalls.size()));
    for (const Stall& stall : m.stalls) {
        encode(w, stall.node);
        w.boolean(stall.merged);
        w.boolean(stall.refused);
    }
    w.u32(static_cast<std::uint32_t>(m.senders.size()));
    for (const Sender& sender : m.senders) {
        w.string(sender.member);
        w.u64(sender.bytes);
    }
    w.boolean(m.report.has_value());
    if (m.report) {
        w.digest(m.report->digest);
        encode(w, m.report->signature);
        w.boolean(m.report->durable);
    }
    w.u64(m.session);
}
void get(Reader& r, Heartbeat& m) {
    m.contract = r.string(contract_name_max);
    m.run = r.u32();
    m.known_version = r.u64();
    m.round = r.u64();
    m.attempt = r.u32();
    m.progress.received_bytes = r.u64();
    m.progress.expected_bytes = r.u64();
    m.progress.waits_for = r.string(node_name_max);
    m.stalls.resize(r.count(7, stalls_max));
    for (Stall& stall : m.stalls) {
        stall.node = decode_node_id(r);
        stall.merged = r.boolean();
        stall.refused = r.boolean();
    }
    m.senders.resize(r.count(12, senders_max));
    for (Sender& sender : m.senders) {
        sender.member = r.string(node_name_max);
        sender.bytes = r.u64();
    }
    if (r.boolean()) {
        m.report = MergeReport{r.digest(), decode_signature(r), r.boolean()};
    }
    m.session = r.u64();
}
void put(Writer& w, const CommandResult& m) {
    w.u64(m.sequence);
    put(w, m.code);
    w.string(bounded(m.reason));
    w.u32(m.run);
    w.u64(m.session);
}
void get(Reader& r, CommandResult& m) {
    m.sequence = r.u64();
    m.code = get_errc(r);
    m.reason = r.string(text_max);
    m.run = r.u32();
    m.session = r.u64();
}
void put(Writer& w, const ViewUpdate& m) {
    encode(w, m.view);
    put(w, m.frozen_list);
    put(w, m.commit_list);
}
void get(Reader& r, ViewUpdate& m) {
    m.view = decode_contract_view(r);
    m.frozen_list = get_optional_digest(r);
    m.commit_list = get_optional_digest(r);
}
void put(Writer& w, const RollNews& m) {
    w.u32(static_cast<std::uint32_t>(m.pins.size()));
    for (const RollNews::Pin& pin : m.pins) {
        encode(w, pin.node);
        w.digest(pin.ca);
    }
}
void get(Reader& r, RollNews& m) {
    m.pins.resize(r.count(37, pins_max));
    for (RollNews::Pin& pin : m.pins) {
        pin.node = decode_node_id(r);
        pin.ca = r.digest();
    }
}

void put(Writer& w, const FetchMembers& m) {
    w.digest(m.list);
    w.u32(m.first);
}
void get(Reader& r, FetchMembers& m) {
    m.list = r.digest();
    m.first = r.u32();
}
void put_place(Writer& w, const MemberListPart& m) {
    w.digest(m.list);
    w.u32(m.total);
    w.u32(m.first);
}
void put(Writer& w, const MemberListPart& m) {
    put_place(w, m);
    encode(w, m.members);
}
void get(Reader& r, MemberListPart& m) {
    m.list = r.digest();
    m.total = r.u32();
    m.first = r.u32();
    m.members = decode_members(r);
}

}  // namespace starling
