// Sessions of an endpoint, from their first byte to their end: which peers are admitted under which
// name, and what the node learns of them.
#include <algorithm>
#include <utility>

#include "core/base/start_text.hpp"
#include "transport/name_refusal.hpp"
#include "transport/tls/admission.hpp"
#include "transport/tls/plain_channel.hpp"
#include "transport/tls/tls_channel.hpp"
#include "transport/tls/tls_endpoint_class.hpp"

namespace starling {
namespace {

/// Bound on connections without a hello. One more closes the oldest.
constexpr std::size_t unauthenticated_max = 256;

/// Bound on the batches (SendBatch) of all peers together; a small one is always allowed.
constexpr std::size_t batches_bytes_max = std::size_t{4} * 1024 * 1024;

}  // namespace

void TlsEndpoint::accept(const ListenOptions& where, std::shared_ptr<Stream> stream) {
    std::unique_ptr<Channel> channel =
        where.address.port == 0 ? make_plain_channel(PlainSide::accepts, options_.share_memory)
                                : make_tls_channel(*context_, TlsSide::accepts);
    auto session = std::make_shared<Session>(owner(), std::move(stream), std::move(channel),
                                             Session::Purpose{std::nullopt, where.accepts});
    drop_oldest_unauthenticated();
    sessions_[session.get()] = session;
    unauthenticated_.push_back(session);
    watch(*session);
    session->start();
}

void TlsEndpoint::drop_oldest_unauthenticated() {
    std::erase_if(unauthenticated_, [](const std::weak_ptr<Session>& weak) {
        const std::shared_ptr<Session> session = weak.lock();
        return !session || session->state() == Session::State::up;
    });
    if (unauthenticated_.size() < unauthenticated_max) {
        return;
    }
    const std::shared_ptr<Session> oldest = unauthenticated_.front().lock();
    unauthenticated_.pop_front();
    oldest->abort(SessionEnd{{Errc::refused, "dropped: " + std::to_string(unauthenticated_max) +
                                                 " connections already await authentication"},
                             false,
                             true});
}

Result<void> TlsEndpoint::admit(const Session& session, const Hello& hello) {
    if (hello.name == options_.name && ca_of(session) != own_ca()) {
        return Error{Errc::refused, claim_text(hello.name, own_ca(), ca_of(session))};
    }
    if (Result<void> may = admit_peer(options_.name, options_.session, hello, session.certified(),
                                      session.purpose().accepts);
        !may) {
        return may;
    }
    const auto known = peers_.find(hello.name);
    const auto pin = pins_.find(hello.name);
    const CaFingerprint held = known == peers_.end() ? CaFingerprint{} : ca_of(*known->second);
    if (std::optional<Error> refused =
            name_refusal(hello.name, ca_of(session), pin == pins_.end() ? nullptr : &pin->second,
                         known == peers_.end() ? nullptr : &held)) {
        return std::move(*refused);
    }
    if (known == peers_.end() || hello.session == 0 ||
        hello.session >= known->second->peer().session) {
        return {};
    }
    // If we dialled, this becomes our own ConnectFailed, and `replaced` there would end this node
    // instead of the older start.
    return Error{
        session.purpose().dialled ? Errc::refused : Errc::replaced,
        "this start, of " + start_text(hello.session) + ", is " +
            replaced_text(hello.name, known->second->address(), known->second->peer().session)};
}

bool TlsEndpoint::may_read(Session& session) {
    const bool far_ahead = !session.certified() && inbox_.is_far_ahead();  // a program's
    if (inbox_.size_bytes() < options_.receive_bytes_max && !far_ahead) {
        return true;
    }
    waiting_.paused.push_back(session.weak_from_this());
    return false;
}

std::size_t TlsEndpoint::batch_limit() const {
    return batches_bytes_max / std::max<std::size_t>(peers_.size(), 1);
}

void TlsEndpoint::session_up(Session& session) {
    show_notes();
    const Hello& hello = session.peer();
    if (!session.sharing().empty()) {
        log(Level::info, "'" + hello.name.name + "': " + std::string(session.sharing()));
    }
    std::shared_ptr<Session>& current = peers_[hello.name];
    if (const std::shared_ptr<Session> older = std::exchange(current, session.shared_from_this())) {
        older->abort(std::nullopt);
        deliver(PeerLost{hello.name, "a newer connection of '" + hello.name.name + "' from " +
                                         session.address() + " takes its place"});
    }
    const std::optional<Address>& dialled = session.purpose().dialled;
    if (dialled) {
        dialling_.erase(*dialled);
    }
    deliver(
        PeerUp{hello.name, hello.role, dialled.value_or(Address{}), hello.session, ca_of(session)});
}

void TlsEndpoint::frame_received(Session& session, FrameReader::Received received) {
    const std::size_t bytes = received.size_bytes + unpacked_bytes(received.frame.message);
    deliver(FrameReceived{session.peer().name, std::move(received.frame)}, bytes);
}

void TlsEndpoint::session_ended(Session& session, const SessionEnd& end) {
    watch(session);
    const std::string text = session.address() + ": " + end.error.message;
    const auto peer = peers_.find(session.peer().name);
    const bool was_up = peer != peers_.end() && peer->second.get() == &session;
    const std::optional<Address>& dialled = session.purpose().dialled;
    if (was_up) {
        peers_.erase(peer);
        deliver(PeerLost{session.peer().name, text});
    } else if (dialled) {
        dialling_.erase(*dialled);
        const bool named = end.error.message.find(session.address()) != std::string::npos;
        deliver(
            ConnectFailed{*dialled, {end.error.code, named ? end.error.message : text}, end.fatal});
    }
    if (end.peer_at_fault && (was_up || !dialled)) {
        refused(text);
    }
}

void TlsEndpoint::session_closed(Session& session) { sessions_.erase(&session); }

}  // namespace starling
