// What a node does with its endpoint: listen, connect, send, receive, close.
#include "transport/tls/tls_endpoint.hpp"

#include <algorithm>
#include <utility>

#include "transport/name_refusal.hpp"
#include "transport/tls/cipher_order.hpp"
#include "transport/tls/plain_channel.hpp"
#include "transport/tls/tls_channel.hpp"
#include "transport/tls/tls_endpoint_class.hpp"

namespace starling {
namespace {

/// Bound on the delay of post_after_arrivals().
constexpr SwarmDuration late_limit = std::chrono::seconds(5);

}  // namespace

TlsEndpoint::TlsEndpoint(TlsEndpointOptions options, std::optional<TlsContext> context)
    : options_(std::move(options)), context_(std::move(context)) {
    if (options_.identity) {
        identity_watch_.emplace(*options_.identity);
        log(Level::info, cipher_note());
        show_warnings();
    }
}

Result<void> TlsEndpoint::listen() {
    for (const ListenOptions& where : options_.listen) {
        if (where.address.port != 0 && !context_) {
            return Error{Errc::usage, "listening on " + to_string(where.address) +
                                          " needs --cert, --key and --capath"};
        }
        Result<ListenSocket> socket = ListenSocket::open(where.address);
        if (!socket) {
            return socket.error();
        }
        sockets_.push_back(std::move(*socket));
        loop_.listen(
            sockets_.back(),
            [this, where](std::shared_ptr<Stream> stream) { accept(where, std::move(stream)); },
            [this](const std::string& text) { refused(text); });
    }
    return {};
}

void TlsEndpoint::connect(const Address& address, Role role) {
    if (closed_) {
        return;
    }
    if (const auto under_way = dialling_.find(address);
        under_way != dialling_.end() && !under_way->second.expired()) {
        return;
    }
    if (address.port != 0 && !context_) {
        deliver(ConnectFailed{
            address,
            {Errc::usage, "dialling " + to_string(address) + " needs --cert, --key and --capath"},
            true});
        return;
    }
    std::unique_ptr<Channel> channel =
        address.port == 0 ? make_plain_channel(PlainSide::dials, options_.share_memory)
                          : make_tls_channel(*context_, TlsSide::dials, address.host);
    auto session = std::make_shared<Session>(owner(), loop_.make_stream(), std::move(channel),
                                             Session::Purpose{address, {role}});
    sessions_[session.get()] = session;
    dialling_[address] = session;
    watch(*session);
    session->start();
}

void TlsEndpoint::send(const NodeId& to, Frame frame, SendGroup group) {
    if (const auto peer = peers_.find(to); peer != peers_.end()) {
        if (peer->second->send(frame, group)) {
            waiting_.unsent.push_back(peer->second);
        }
    }
}

/// A frame by itself is a record, a system call and a wake-up of its receiver.
void TlsEndpoint::flush() {
    for (const std::weak_ptr<Session>& unsent : std::exchange(waiting_.unsent, {})) {
        if (const std::shared_ptr<Session> session = unsent.lock()) {
            session->flush();
        }
    }
}

void TlsEndpoint::cancel_sends(SendGroup group, const std::optional<NodeId>& to) {
    for (const auto& [id, session] : peers_) {
        if (!to || *to == id) {
            session->cancel_sends(group);
        }
    }
}

Arrivals TlsEndpoint::arrivals() const {
    Arrivals arrivals;
    for (const auto& [id, session] : peers_) {
        if (const std::size_t bytes = session->partial_body_bytes(); bytes > 0) {
            arrivals.body_bytes[id] = bytes;
        }
    }
    return arrivals;
}

void TlsEndpoint::pin(const PinPeer& pin) {
    if (pin.lifted) {
        pins_.erase(pin.node);
        return;
    }
    pins_[pin.node] = pin.ca;
    const auto peer = peers_.find(pin.node);
    if (peer == peers_.end()) {
        return;
    }
    const std::shared_ptr<Session> session = peer->second;
    if (const auto refused = name_refusal(pin.node, ca_of(*session), &pin.ca, nullptr)) {
        session->abort(SessionEnd{*refused, true, true});
    }
}

std::optional<Input> TlsEndpoint::receive_until(SwarmTime deadline) {
    flush();
    for (;;) {
        inbox_.take_posted();
        take_late();
        expire();
        follow_rates();
        refresh_identity();
        show_refused(loop_.now());
        if (!inbox_.empty()) {
            // Sends and receives also while the node has inputs to handle.
            loop_.run_one_until(SwarmTime{});
            Input first = inbox_.pop();
            resume_paused();
            return first;
        }
        const bool late = loop_.now() >= deadline;
        SwarmTime until = watched_.empty() ? deadline : std::min(deadline, watched_.front().until);
        if (identity_watch_) {
            until = std::min(until, identity_watch_->due());
        }
        until = std::min(until, refused_lines_.due().value_or(until));
        loop_.run_one_until(until);
        if (late && inbox_.empty()) {
            return std::nullopt;
        }
    }
}

void TlsEndpoint::post(Input input) {
    inbox_.post(std::move(input));
    loop_.wake();
}

void TlsEndpoint::post_after_arrivals(Input input) {
    inbox_.post_late(std::move(input), loop_.now() + late_limit);
    loop_.wake();
}

void TlsEndpoint::reload() {
    reload_requested_ = true;
    loop_.wake();
}

void TlsEndpoint::close(SwarmDuration limit) {
    if (std::exchange(closed_, true)) {
        return;
    }
    show_refused(SwarmTime::max());
    loop_.stop_listening();
    sockets_.clear();
    const std::map<const Session*, std::shared_ptr<Session>> all = sessions_;
    for (const auto& [key, session] : all) {
        session->finish();
    }
    const SwarmTime until = loop_.now() + limit;
    while (!sessions_.empty() && loop_.now() < until) {
        loop_.run_one_until(until);
    }
    hang_up();
    inbox_.clear();
}

void TlsEndpoint::hang_up() {
    closed_ = true;
    loop_.stop_listening();
    sockets_.clear();
    const std::map<const Session*, std::shared_ptr<Session>> all = std::exchange(sessions_, {});
    peers_.clear();
    for (const auto& [key, session] : all) {
        session->abort(std::nullopt);
    }
}

Result<std::unique_ptr<PolledEndpoint>> make_tls_endpoint(TlsEndpointOptions options) {
    std::optional<TlsContext> context;
    if (options.identity) {
        Result<TlsContext> loaded =
            TlsContext::load_for(*options.identity, options.role, options.reached_as);
        if (!loaded) {
            return loaded.error();
        }
        const NodeId& certified = loaded->identity().name;
        if (certified != options.name) {
            return Error{Errc::refused, "--cert " + options.identity->cert +
                                            ": the certificate is for '" + certified.name +
                                            "', this node is '" + options.name.name + "'"};
        }
        context = std::move(*loaded);
    }
    auto endpoint = std::make_unique<TlsEndpoint>(std::move(options), std::move(context));
    if (Result<void> listening = endpoint->listen(); !listening) {
        return listening.error();
    }
    return std::unique_ptr<PolledEndpoint>(std::move(endpoint));
}

}  // namespace starling
