// The endpoint of a process: sockets, sessions and the inbox of its node, all in the node's thread.
//
// Invariants: peers_ has one session per name, and none of an earlier start than one that was
// connected already. What peers can take is bounded: connections without a hello in number and
// time; unhandled input in bytes, beyond which no session is read; log lines per minute.
#include "transport/tls/tls_endpoint.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <utility>

#include "core/base/start_text.hpp"
#include "transport/name_refusal.hpp"
#include "transport/tls/admission.hpp"
#include "transport/tls/cipher_order.hpp"
#include "transport/tls/event_loop.hpp"
#include "transport/tls/identity_watch.hpp"
#include "transport/tls/inbox.hpp"
#include "transport/tls/line_limit.hpp"
#include "transport/tls/plain_channel.hpp"
#include "transport/tls/session.hpp"
#include "transport/tls/tls_channel.hpp"

namespace starling {
namespace {

/// Bound on connections without a hello. One more closes the oldest.
constexpr std::size_t unauthenticated_max = 256;
/// A handshake that progresses on a slow link may take this many times the limit of one without
/// progress.
constexpr int handshake_limits_max = 12;
constexpr SwarmDuration rate_interval = std::chrono::seconds(1);

/// Bound on the batches (SendBatch) of all peers together; a small one is always allowed.
constexpr std::size_t batches_bytes_max = std::size_t{4} * 1024 * 1024;

/// Log lines per minute about refused connections.
constexpr std::uint32_t refused_lines_max = 20;

/// Bound on the delay of post_after_arrivals().
constexpr SwarmDuration late_limit = std::chrono::seconds(5);
/// Bound on callbacks run in a row to find out whether everything that has arrived was read.
constexpr int late_callbacks_max = 1000;

std::string limit_text(SwarmDuration limit) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

class TlsEndpoint final : public PolledEndpoint, private SessionOwner {
public:
    TlsEndpoint(TlsEndpointOptions options, std::optional<TlsContext> context)
        : options_(std::move(options)), context_(std::move(context)) {
        if (options_.identity) {
            identity_watch_.emplace(*options_.identity);
            log(Level::info, cipher_note());
            show_warnings();
        }
    }
    TlsEndpoint(const TlsEndpoint&) = delete;
    TlsEndpoint& operator=(const TlsEndpoint&) = delete;
    ~TlsEndpoint() override { hang_up(); }

    Result<void> listen();

    SwarmTime now() const override { return loop_.now(); }
    void connect(const Address& address, Role role) override;
    void send(const NodeId& to, Frame frame, SendGroup group) override;
    void cancel_sends(SendGroup group, const std::optional<NodeId>& to) override;
    Arrivals arrivals() const override;
    void pin(const PinPeer& pin) override;
    std::optional<Input> receive_until(SwarmTime deadline) override;
    void post(Input input) override;
    void post_after_arrivals(Input input) override;
    void reload() override;
    void close(SwarmDuration limit) override;

private:
    struct Watched {
        SwarmTime until;
        std::weak_ptr<Session> session;
        int limits = 1;  ///< granted so far
    };

    SessionOwner& owner() { return *this; }
    CaFingerprint own_ca() const { return context_ ? context_->identity().ca : CaFingerprint{}; }
    Hello own_hello() const override { return {options_.name, options_.role, options_.session}; }
    Result<void> admit(const Session& session, const Hello& hello) override;
    bool may_read(Session& session) override;
    std::size_t batch_limit() const override;
    void session_up(Session& session) override;
    void frame_received(Session& session, FrameReader::Received received) override;
    void session_ended(Session& session, const SessionEnd& end) override;
    void session_closed(Session& session) override;

    void accept(const ListenOptions& where, std::shared_ptr<Stream> stream);
    void drop_oldest_unauthenticated();
    void watch(Session& session);
    void expire();
    void follow_rates();
    void deliver(Input input, std::size_t frame_bytes = 0);
    void resume_paused();
    void take_late();
    void refresh_identity();
    void use(TlsContext context);
    void show_warnings() const;
    void show_notes() const;
    void hang_up();
    void log(Level level, const std::string& text) const;
    void refused(const std::string& text);
    void show_refused(SwarmTime now);

    TlsEndpointOptions options_;
    std::optional<TlsContext> context_;
    EventLoop loop_;
    std::vector<ListenSocket> sockets_;
    std::map<const Session*, std::shared_ptr<Session>> sessions_;  ///< until session_closed()
    std::map<NodeId, std::shared_ptr<Session>> peers_;             ///< those that are up
    std::map<NodeId, std::optional<CaFingerprint>> pins_;
    std::map<Address, std::weak_ptr<Session>> dialling_;
    std::deque<std::weak_ptr<Session>> unauthenticated_;  ///< accepted, oldest first
    std::deque<Watched> watched_;                         ///< ascending: all have the same limit
    std::vector<std::weak_ptr<Session>> paused_;          ///< to be resumed when the inbox has room
    Inbox inbox_;
    SwarmTime rates_due_{};
    std::optional<IdentityWatch> identity_watch_;
    bool identity_failed_ = false;  ///< the files could not be used when they were read last
    std::atomic<bool> reload_requested_ = false;
    LineLimit refused_lines_{refused_lines_max};
    std::string last_refused_;
    bool advised_ = false;  ///< the advice of Stream::follow_rate() was logged
    bool closed_ = false;
};

// ---- Port ---------------------------------------------------------------------------------------

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
        peer->second->send(frame, group);
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

// ---- Sessions -----------------------------------------------------------------------------------

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
    paused_.push_back(session.weak_from_this());
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

// ---- Queues and limits --------------------------------------------------------------------------

void TlsEndpoint::watch(Session& session) {
    watched_.push_back({loop_.now() + options_.handshake_limit, session.weak_from_this(), 1});
}

void TlsEndpoint::expire() {
    while (!watched_.empty() && watched_.front().until <= loop_.now()) {
        const Watched watched = watched_.front();
        const std::shared_ptr<Session> session = watched.session.lock();
        watched_.pop_front();
        if (!session) {
            continue;
        }
        if (session->take_progress() && watched.limits < handshake_limits_max) {
            watched_.push_back(
                {loop_.now() + options_.handshake_limit, watched.session, watched.limits + 1});
        } else {
            session->expire(limit_text(options_.handshake_limit));
        }
    }
}

void TlsEndpoint::follow_rates() {
    if (loop_.now() < rates_due_) {
        return;
    }
    rates_due_ = loop_.now() + rate_interval;
    for (const auto& [id, session] : peers_) {
        const auto advice = session->follow_rate(std::chrono::steady_clock::now());
        if (advice && !std::exchange(advised_, true)) {
            log(Level::warning, "the connection to " + session->address() + " " + *advice);
        }
    }
}

void TlsEndpoint::deliver(Input input, std::size_t frame_bytes) {
    if (!closed_) {
        inbox_.push(std::move(input), frame_bytes);
    }
}

/// Delivers the inputs of post_after_arrivals() once no connection is ready to be accepted or read,
/// and none is paused: then the inbox contains all that peers have sent before.
void TlsEndpoint::take_late() {
    if (!inbox_.has_late()) {
        return;
    }
    bool quiet = false;
    for (int i = 0; i < late_callbacks_max && !quiet; ++i) {
        if (inbox_.size_bytes() >= options_.receive_bytes_max) {
            break;
        }
        quiet = !loop_.run_one_until(SwarmTime{});
    }
    inbox_.take_late(quiet && paused_.empty(), loop_.now());
}

void TlsEndpoint::resume_paused() {
    if (inbox_.size_bytes() >= options_.receive_bytes_max) {
        return;
    }
    for (const std::weak_ptr<Session>& weak : std::exchange(paused_, {})) {
        if (const std::shared_ptr<Session> session = weak.lock()) {
            session->resume();
        }
    }
}

// ---- Identity ----------------------------------------------------------------------------------

/// Rereads the identity files if they have changed, and uses them if they are a valid identity of
/// this node. Those that are not are read again at each poll: the cause may lie elsewhere
/// (permissions, a mount, the clock).
void TlsEndpoint::refresh_identity() {
    if (!identity_watch_) {
        return;
    }
    const bool wanted = reload_requested_.exchange(false);
    if (!wanted && identity_watch_->due() > loop_.now()) {
        return;
    }
    const bool news = identity_watch_->changed(loop_.now()) || wanted;
    if (!news && !identity_failed_) {
        return;
    }
    Result<TlsContext> fresh = reread_identity(options_);
    identity_failed_ = !fresh;
    if (fresh) {
        use(std::move(*fresh));
    } else if (news) {
        log(Level::warning,
            "the identity files were changed and can't be used: " + fresh.error().message +
                ". This node goes on with those that it read before");
    }
}

void TlsEndpoint::use(TlsContext context) {
    context_ = std::move(context);
    log(Level::info, "certificate re-read: " + options_.name.name + ", " + context_->summary());
    show_warnings();
    // Connections go on with the certificate of their handshake, unless it is not accepted any
    // more.
    const std::map<const Session*, std::shared_ptr<Session>> all = sessions_;
    for (const auto& [key, session] : all) {
        if (session->state() != Session::State::up) {
            continue;
        }
        if (const Result<void> still = session->recheck_certificate(*context_); !still) {
            session->abort(SessionEnd{still.error(), true, true});
        }
    }
}

void TlsEndpoint::show_warnings() const {
    for (const std::string& warning : context_->warnings()) {
        log(Level::warning, warning);
    }
    show_notes();
}

void TlsEndpoint::show_notes() const {
    if (context_) {
        for (const std::string& note : context_->take_notes()) {
            log(Level::info, note);
        }
    }
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

void TlsEndpoint::log(Level level, const std::string& text) const {
    if (options_.log) {
        options_.log(level, text);
    }
}

/// Rate-limited, since whoever reaches the port can cause this at will.
void TlsEndpoint::refused(const std::string& text) {
    if (options_.refused) {
        options_.refused();
    }
    if (refused_lines_.take(loop_.now())) {
        log(Level::warning, text);
    } else {
        last_refused_ = text;
    }
}

/// Logs how many lines were omitted, if that is due at `now`.
void TlsEndpoint::show_refused(SwarmTime now) {
    const std::optional<SwarmTime> due = refused_lines_.due();
    if (!due || *due > now) {
        return;
    }
    log(Level::warning, std::to_string(refused_lines_.take_omitted(loop_.now())) +
                            " more in the last minute; the last of them: " + last_refused_);
}

}  // namespace

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
