#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "transport/tls/event_loop.hpp"
#include "transport/tls/identity_watch.hpp"
#include "transport/tls/inbox.hpp"
#include "transport/tls/line_limit.hpp"
#include "transport/tls/session.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// What make_tls_endpoint() makes: sockets, sessions and the inbox of a process's node, all in the
/// node's thread.
///
/// Invariants: peers_ has one session per name, and none of an earlier start than one that was
/// connected already. What peers can take is bounded: connections without a hello in number and
/// time; unhandled input in bytes, beyond which no session is read; log lines per minute.
class TlsEndpoint final : public PolledEndpoint, private SessionOwner {
public:
    TlsEndpoint(TlsEndpointOptions options, std::optional<TlsContext> context);
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
    void flush() override;
    std::optional<Input> receive_until(SwarmTime deadline) override;
    void post(Input input) override;
    void post_after_arrivals(Input input) override;
    void reload() override;
    void close(SwarmDuration limit) override;

private:
    /// Log lines per minute about refused connections.
    static constexpr std::uint32_t refused_lines_max = 20;

    struct Watched {
        SwarmTime until;
        std::weak_ptr<Session> session;
        int limits = 1;  ///< granted so far
    };

    struct Waiting {
        std::vector<std::weak_ptr<Session>> paused;  ///< to be resumed when the inbox has room
        std::vector<std::weak_ptr<Session>> unsent;  ///< have frames for flush()
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
    Waiting waiting_;
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

}  // namespace starling
