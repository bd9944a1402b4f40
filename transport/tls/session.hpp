#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "transport/tls/channel.hpp"
#include "transport/tls/frame_reader.hpp"
#include "transport/tls/send_batch.hpp"
#include "transport/tls/stream.hpp"

namespace starling {

class Session;

/// Why a connection ended.
struct SessionEnd {
    Error error;                 ///< without the peer's address
    bool fatal = false;          ///< dialling again is pointless
    bool peer_at_fault = false;  ///< it broke the protocol or was refused: worth a warning
};

/// What a session needs from its endpoint.
class SessionOwner {
public:
    virtual ~SessionOwner() = default;
    virtual Hello own_hello() const = 0;
    /// Errc::refused, with a message for the peer, if it is not accepted.
    virtual Result<void> admit(const Session& session, const Hello& hello) = 0;
    /// False: the inbox is full; the owner calls resume() when it has room.
    virtual bool may_read(Session& session) = 0;
    /// Bound on the size of a connection's batches (SendBatch).
    virtual std::size_t batch_limit() const = 0;
    virtual void session_up(Session& session) = 0;
    virtual void frame_received(Session& session, FrameReader::Received received) = 0;
    /// No more frames are delivered. A last frame to the peer (Refused) may still be under way.
    virtual void session_ended(Session& session, const SessionEnd& end) = 0;
    /// Its socket is closed; the last call.
    virtual void session_closed(Session& session) = 0;
};

/// One connection, from the first byte to the last: connect, handshake, hellos, frames, end. All
/// functions run in the event loop's thread.
class Session : public std::enable_shared_from_this<Session> {
public:
    enum class State { connecting, securing, greeting, up, ending, closed };

    /// Who dialled, and whom to expect.
    struct Purpose {
        std::optional<Address> dialled;  ///< nothing: the peer dialled us
        std::set<Role> accepts;          ///< roles that the peer may have
    };

    /// `owner` must outlive all calls from the event loop.
    Session(SessionOwner& owner, std::shared_ptr<Stream> stream, std::unique_ptr<Channel> channel,
            Purpose purpose);

    void start();
    /// Only while up. Never blocks; the body is shared, not copied, and so is a list of members. It
    /// waits for flush().
    ///
    /// \return  whether it is the first one that waits.
    bool send(const Frame& frame, SendGroup group);
    void flush();
    /// Drops queued frames of the group of which no byte was passed to the channel.
    void cancel_sends(SendGroup group);
    /// Continues to read after may_read() returned false.
    void resume();
    /// Sends what is queued, ends the stream, and waits for the peer to close.
    void finish();
    /// Whether bytes were received or sent since the last call.
    bool take_progress() { return std::exchange(moved_, false); }
    /// See Stream::follow_rate().
    std::optional<std::string> follow_rate(std::chrono::steady_clock::time_point now) {
        return stream_->follow_rate(now);
    }
    /// To be called when the time limit of connecting, of the handshake or of ending has passed.
    /// \param limit_text  the limit, for the error's text: "10 s".
    void expire(const std::string& limit_text);
    /// Closes at once; session_ended() is called if `why` is given and it was not called before.
    void abort(const std::optional<SessionEnd>& why);

    /// See Channel::recheck_certificate().
    Result<void> recheck_certificate(const TlsContext& context) const {
        return channel_->recheck_certificate(context);
    }

    State state() const { return state_; }
    const Purpose& purpose() const { return purpose_; }
    const Hello& peer() const { return peer_; }  ///< valid from session_up on
    const std::optional<Identity>& certified() const { return channel_->certified(); }
    const std::string& address() const { return stream_->peer_address(); }
    /// See Channel::sharing().
    std::string_view sharing() const { return channel_->sharing(); }
    /// Bytes received of an incomplete body.
    std::size_t partial_body_bytes() const { return reader_.partial_body_bytes(); }

private:
    struct Piece {
        Blob bytes;
        std::size_t head_bytes = 0;  ///< of the frame that begins with it; 0: none does
        SendGroup group = 0;
        bool begins_frame() const { return head_bytes > 0; }
    };

    bool has_too_long_heads() const;
    void advance();
    bool handshake();
    bool read_frames();
    void handle(FrameReader::Received received);
    void handle_first(const Message& message);
    void greet(const Hello& hello);
    void refuse(const Error& error);
    void queue(const Frame& frame, SendGroup group = 0);
    bool mid_frame() const;

    void read_more();
    std::span<std::byte> receive_space();
    void on_read(const std::error_code& failed, std::size_t count);
    void on_peer_end(const std::string& how, bool in_order);
    void write_more();
    bool fill_batch();
    bool write_batch(std::size_t& room);
    void on_written(const std::error_code& failed, std::size_t count);
    void end(const SessionEnd& why, const std::optional<Frame>& final_frame = std::nullopt);
    void fail_channel(const Error& error);
    void close_if_both_ended();

    SessionOwner& owner_;
    std::shared_ptr<Stream> stream_;
    std::unique_ptr<Channel> channel_;
    Purpose purpose_;
    State state_ = State::connecting;
    Hello peer_;
    FrameReader reader_;
    std::deque<Piece> outbox_;
    std::size_t sent_of_first_ = 0;  ///< bytes of outbox_.front() passed to the channel
    SendBatch batch_;
    bool reading_ = false;           ///< a read is under way
    bool read_over_ = false;         ///< end of stream or an error: there is nothing more to read
    bool writing_ = false;           ///< a write is under way, of bytes that the channel owns
    bool write_failed_ = false;      ///< nothing more is written; the next read gives the reason
    bool end_reported_ = false;      ///< session_ended() was called, or must not be any more
    bool stream_ended_ = false;      ///< the channel's stream was ended, after the last frame
    bool moved_ = false;             ///< see take_progress()
    bool unflushed_ = false;         ///< frames wait for flush()
    bool sending_finished_ = false;  ///< the socket's sending side was shut down
    Bytes discard_;                  ///< receives what the peer sends while ending
};

/// That issued the peer's certificate; zeros on a Unix socket.
inline CaFingerprint ca_of(const Session& session) {
    return session.certified() ? session.certified()->ca : CaFingerprint{};
}

}  // namespace starling
