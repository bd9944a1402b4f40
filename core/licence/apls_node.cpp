// The licence server: a state machine over a log of seat changes. A change is persisted before its
// effect is visible (runner rule: effects behind a write wait), so a killed server knows its seats
// again. Leases restart then, since the time of the last renewal is not persisted: a seat is rather
// kept too long than given away twice.
//
// A name belongs to the CA with which it first got a seat (pinned), so that another organisation
// can't take it over.
#include "core/licence/apls_node.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "core/base/json_writer.hpp"
#include "core/base/names_text.hpp"
#include "core/ledger/roll.hpp"
#include "core/licence/seat_book.hpp"
#include "core/node/outbox.hpp"

namespace starling {
namespace {

constexpr std::uint32_t lease_timer = 1;
constexpr std::array seat_roles{Role::sn, Role::sl};

std::string text_of(const NodeId& node) { return "'" + node.name + "'"; }

class AplsNode final : public Node {
public:
    explicit AplsNode(AplsNodeOptions options)
        : options_(std::move(options)), book_(options_.licence) {}

    const NodeId& id() const override { return options_.id; }
    Role role() const override { return Role::apls; }

    void step(SwarmTime now, const Input& input, std::vector<Effect>& effects) override {
        Outbox out(effects);
        now_ = now;
        if (std::holds_alternative<Started>(input)) {
            start(out);
        } else if (const auto* up = std::get_if<PeerUp>(&input)) {
            peers_[up->peer] = {up->role, up->ca};
        } else if (const auto* lost = std::get_if<PeerLost>(&input)) {
            peers_.erase(lost->peer);
        } else if (const auto* received = std::get_if<FrameReceived>(&input)) {
            on_frame(*received, out);
        } else if (std::holds_alternative<TimerDue>(input)) {
            free_lapsed(out);
        } else if (const auto* stop = std::get_if<StopRequested>(&input)) {
            out.report(TraceEvent("node_stopped")
                           .with("code", std::uint64_t{exit_code::ok})
                           .log(Level::info, component, "Stopping (" + stop->reason + ")"));
            out.stop(exit_code::ok, stop->reason);
        }
    }

private:
    static constexpr std::string_view component = "swarm.APLS";  ///< of log lines
    void start(Outbox& out);
    void on_frame(const FrameReceived& received, Outbox& out);
    void on_request(const NodeId& from, bool renew, Outbox& out);
    void on_release(const NodeId& from, Outbox& out);
    void on_query(const NodeId& from, const StatusQuery& query, Outbox& out) const;
    void on_rule(const NodeId& from, const SeatRule& rule, Outbox& out);

    Result<void> has_name(const NodeId& node, const CaFingerprint& ca) const;
    Result<void> valid_now() const;
    std::string seats_json() const;
    void change(const SeatEntry& entry, Outbox& out);
    void free_lapsed(Outbox& out);
    void arm(Outbox& out) const;
    std::string room(Role role) const {
        return std::to_string(book_.taken(role)) + " of " +
               std::to_string(book_.licence().seats_for(role)) + " taken";
    }
    static void answer(const NodeId& to, std::uint32_t id, Error error, Outbox& out) {
        out.send(to, StatusReply{id, error.code, std::move(error.message)});
    }

    AplsNodeOptions options_;
    SeatBook book_;
    struct Peer {
        Role role = Role::sl;
        CaFingerprint ca;
    };
    std::map<NodeId, Peer> peers_;  ///< connected
    SwarmTime now_{};
    std::uint64_t next_index_ = 1;
};

void AplsNode::start(Outbox& out) {
    next_index_ = options_.recovered.size() + 1;
    for (const Bytes& record : options_.recovered) {
        // The store has verified the bytes, so only an entry of a later version can fail; it is
        // skipped.
        if (const Result<SeatEntry> entry = decode_seat_entry(record)) {
            book_.apply(*entry, now_ + options_.lease);
        }
    }
    options_.recovered.clear();
    for (const auto& [node, ca] : book_.owners()) {
        out.pin_peer(node, ca);
    }
    for (const NodeId& admin : options_.admins) {
        out.pin_peer(admin, options_.ca);
    }
    std::string seats;
    for (const auto& [role, count] : book_.licence().seats) {
        seats += (seats.empty() ? "" : ", ") + std::to_string(count) + " " +
                 std::string(to_string(role));
    }
    const Licence& licence = book_.licence();
    out.report(TraceEvent("apls_ready")
                   .with("port", options_.address.port)
                   .with("seats_known", book_.seats().size())
                   .log(Level::info, component,
                        "Licence of " + licence.licensee + ": seats for " + seats + "; from " +
                            date_text(licence.valid_from) + " until " +
                            date_text(licence.valid_until - 1)));
    if (const Result<void> valid = valid_now(); !valid) {
        out.report(
            TraceEvent("licence_not_valid")
                .log(Level::warning, component, valid.error().message + ": no seats are granted"));
    }
    out.report(
        TraceEvent("apls_listening")
            .log(Level::info, component,
                 "Licence server is ready on port: " + std::to_string(options_.address.port)));
    arm(out);
}

Result<void> AplsNode::valid_now() const {
    const std::int64_t second = (options_.unix_ns_at_zero + to_ns(now_)) / 1'000'000'000;
    const Licence& licence = book_.licence();
    if (second >= licence.valid_until) {
        return Error{Errc::timeout,
                     "the licence expired at the end of " + date_text(licence.valid_until - 1)};
    }
    if (second < licence.valid_from) {
        return Error{Errc::refused, "the licence is valid from " + date_text(licence.valid_from)};
    }
    return {};
}

void AplsNode::on_frame(const FrameReceived& received, Outbox& out) {
    const Message& message = received.frame.message;
    if (const auto* request = std::get_if<SeatRequest>(&message)) {
        on_request(received.from, request->renew, out);
    } else if (std::holds_alternative<SeatRelease>(message)) {
        on_release(received.from, out);
    } else if (const auto* query = std::get_if<StatusQuery>(&message)) {
        on_query(received.from, *query, out);
    } else if (const auto* rule = std::get_if<SeatRule>(&message)) {
        on_rule(received.from, *rule, out);
    } else {
        out.report(TraceEvent("frame_ignored")
                       .with("peer", received.from.name)
                       .with("type", std::string(type_name(message))));
    }
}

void AplsNode::on_request(const NodeId& from, bool renew, Outbox& out) {
    free_lapsed(out);
    const auto peer = peers_.find(from);
    if (peer == peers_.end()) {
        return;
    }
    const Role role = peer->second.role;
    const CaFingerprint ca = peer->second.ca;
    Result<void> may = has_name(from, ca);
    if (may) {
        may = valid_now();
    }
    if (may) {
        may = std::find(seat_roles.begin(), seat_roles.end(), role) == seat_roles.end()
                  ? Error{Errc::refused,
                          "a node of role " + std::string(to_string(role)) + " needs no seat"}
                  : book_.check(from, role, now_);
    }
    if (!may) {
        out.report(TraceEvent("seat_refused")
                       .with("node", from.name)
                       .with("role", std::string(to_string(role)))
                       .log(Level::warning, component,
                            "No seat for " + text_of(from) + ": " + may.error().message));
        out.send(from, SeatReply{may.error().code, may.error().message, 0});
        return;
    }
    if (!book_.owners().contains(from) && ca != CaFingerprint{}) {
        change({SeatEntry::Kind::pinned, role, from, ca}, out);
        out.pin_peer(from, ca);
    }
    if (book_.holds(from, role)) {
        book_.renew(from, now_ + options_.lease);
    } else {
        change({SeatEntry::Kind::taken, role, from, {}}, out);
        out.report(TraceEvent("seat_taken")
                       .with("node", from.name)
                       .with("role", std::string(to_string(role)))
                       .with("again", renew ? 1U : 0U)
                       .log(Level::info, component,
                            "Seat for " + text_of(from) + " (" + std::string(to_string(role)) +
                                ", " + room(role) + ")"));
    }
    out.send(from, SeatReply{Errc::ok, "", options_.lease.count()});
    arm(out);
}

/// Checks that the name belongs to this CA, since seats belong to names.
Result<void> AplsNode::has_name(const NodeId& node, const CaFingerprint& ca) const {
    const auto owner = book_.owners().find(node);
    return owner == book_.owners().end() || owner->second == ca
               ? Result<void>()
               : Error{Errc::refused, claim_text(node, owner->second, ca)};
}

void AplsNode::on_release(const NodeId& from, Outbox& out) {
    const auto seat = book_.seats().find(from);
    if (seat == book_.seats().end()) {
        return;
    }
    const Role role = seat->second.role;
    change({SeatEntry::Kind::freed, role, from, {}}, out);
    out.report(TraceEvent("seat_released")
                   .with("node", from.name)
                   .log(Level::info, component,
                        text_of(from) + " has returned its seat (" + room(role) + ")"));
    arm(out);
}

void AplsNode::free_lapsed(Outbox& out) {
    for (const SeatEntry& entry : book_.lapsed(now_)) {
        change(entry, out);
        out.report(
            TraceEvent("seat_lapsed")
                .with("node", entry.node.name)
                .log(Level::warning, component,
                     "The seat of " + text_of(entry.node) +
                         " is free: it was not renewed for its lease of " +
                         std::to_string(static_cast<std::int64_t>(to_seconds(options_.lease))) +
                         " s (" + room(entry.role) + ")"));
    }
    arm(out);
}

void AplsNode::on_rule(const NodeId& from, const SeatRule& rule, Outbox& out) {
    const auto peer = peers_.find(from);
    if (peer == peers_.end() || peer->second.role != Role::tool ||
        !options_.admins.contains(from) || peer->second.ca != options_.ca) {
        answer(
            from, rule.id,
            {Errc::refused, text_of(from) + " may not change who gets a seat; these tools may: " +
                                names_text(options_.admins, "nobody (see run-apls --admin)") +
                                ", with certificates of the CA of this server's certificate"},
            out);
        return;
    }
    const auto seat = book_.seats().find(rule.node);
    const Role role = seat == book_.seats().end() ? Role::sl : seat->second.role;
    const bool had = seat != book_.seats().end();
    change({rule.allow ? SeatEntry::Kind::allowed : SeatEntry::Kind::revoked, role, rule.node, {}},
           out);
    if (rule.allow) {
        out.unpin_peer(rule.node);
    }
    out.report(TraceEvent(rule.allow ? "seat_allowed" : "seat_revoked")
                   .with("node", rule.node.name)
                   .with("by", from.name)
                   .log(Level::warning, component,
                        text_of(from) + (rule.allow ? " allows " : " has revoked the seat of ") +
                            text_of(rule.node) + (rule.allow ? " to have a seat again" : "")));
    if (!rule.allow && had && peers_.contains(rule.node)) {
        out.send(rule.node,
                 SeatReply{Errc::refused, book_.check(rule.node, role, now_).error().message, 0});
    }
    on_query(from, {rule.id, "seats", "", false}, out);
    arm(out);
}

void AplsNode::on_query(const NodeId& from, const StatusQuery& query, Outbox& out) const {
    const auto peer = peers_.find(from);
    if (peer == peers_.end() || peer->second.role != Role::tool) {
        answer(from, query.id, {Errc::refused, "only a tool may query that"}, out);
        return;
    }
    if (query.topic != "seats") {
        answer(
            from, query.id,
            {Errc::not_found, "a licence server has no topic '" + query.topic + "', only 'seats'"},
            out);
        return;
    }
    const std::string json = seats_json();
    const ByteView bytes = std::as_bytes(std::span(json));
    out.send(from, StatusReply{query.id, Errc::ok, ""}, Blob(Bytes(bytes.begin(), bytes.end())));
}

std::string AplsNode::seats_json() const {
    const Licence& licence = book_.licence();
    std::string text = "{\"licensee\":" + json_string(licence.licensee) +
                       ",\"from\":" + json_string(date_text(licence.valid_from)) +
                       ",\"until\":" + json_string(date_text(licence.valid_until - 1)) +
                       ",\"valid\":" + (valid_now() ? "true" : "false") +
                       ",\"lease_ms\":" + std::to_string(options_.lease.count() / 1'000'000) +
                       ",\"seats\":[";
    for (auto at = licence.seats.begin(); at != licence.seats.end(); ++at) {
        text += (at == licence.seats.begin() ? "" : ",");
        text += "{\"role\":" + json_string(to_string(at->first)) +
                ",\"taken\":" + std::to_string(book_.taken(at->first)) +
                ",\"all\":" + std::to_string(at->second) + "}";
    }
    text += "],\"holders\":[";
    for (auto at = book_.seats().begin(); at != book_.seats().end(); ++at) {
        text += (at == book_.seats().begin() ? "" : ",");
        text += "{\"name\":" + json_string(at->first.name) +
                ",\"role\":" + json_string(to_string(at->second.role)) +
                ",\"connected\":" + (peers_.contains(at->first) ? "true" : "false") +
                ",\"expires_in_ms\":" +
                std::to_string((at->second.expires - now_).count() / 1'000'000) + "}";
    }
    text += "],\"revoked\":[";
    for (auto at = book_.revoked().begin(); at != book_.revoked().end(); ++at) {
        text += (at == book_.revoked().begin() ? "" : ",") + json_string(at->name);
    }
    return text + "]}";
}

void AplsNode::change(const SeatEntry& entry, Outbox& out) {
    out.persist(next_index_++, {encode_seat_entry(entry)});
    book_.apply(entry, now_ + options_.lease);
}

void AplsNode::arm(Outbox& out) const {
    std::optional<SwarmTime> next;
    for (const auto& [node, seat] : book_.seats()) {
        next = std::min(next.value_or(seat.expires), seat.expires);
    }
    if (next) {
        out.set_timer(lease_timer, *next);
    } else {
        out.cancel_timer(lease_timer);
    }
}

}  // namespace

std::unique_ptr<Node> make_apls_node(AplsNodeOptions options) {
    return std::make_unique<AplsNode>(std::move(options));
}

}  // namespace starling
