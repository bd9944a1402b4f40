// One connection as a state machine: connecting, securing (TLS), greeting (hellos), up, ending,
// closed. The dialler sends the first hello. A side that does not accept the other answers with
// Refused, so that the reason is also logged at the other end.
//
// Invariants: a frame is sent whole, or nothing follows it (mid_frame()); session_ended() is called
// once at most; nothing happens after `closed`. While the owner's inbox is full, nothing is read:
// TCP's flow control then stops the sender.
#include "transport/tls/session.hpp"

#include <algorithm>
#include <utility>

#include "core/wire/codec.hpp"

namespace starling {
namespace {

/// Bound on frames queued for one peer. Bodies are shared, so it bounds their heads and bookkeeping
/// (about 20 MB), which a peer that requests segments and never reads could grow without limit.
/// Enough for 16 GiB of parameters in flight.
constexpr std::size_t outbox_pieces_max = std::size_t{1} << 17U;
/// Of messages that are long themselves, such as lists of members, so much is queued for one peer.
constexpr std::size_t long_head_bytes = std::size_t{64} * 1024;
constexpr std::size_t long_heads_bytes_max = std::size_t{64} * 1024 * 1024;

}  // namespace

Session::Session(SessionOwner& owner, std::shared_ptr<Stream> stream,
                 std::unique_ptr<Channel> channel, Purpose purpose)
    : owner_(owner),
      stream_(std::move(stream)),
      channel_(std::move(channel)),
      purpose_(std::move(purpose)) {}

void Session::start() {
    if (!purpose_.dialled) {
        state_ = State::securing;
        advance();
        return;
    }
    stream_->connect(*purpose_.dialled, [self = shared_from_this()](const Result<void>& connected) {
        if (self->state_ != State::connecting) {
            return;
        }
        if (!connected) {
            const bool fatal = connected.error().code != Errc::unreachable;
            self->abort(SessionEnd{connected.error(), fatal, false});
            return;
        }
        self->state_ = State::securing;
        self->advance();
    });
}

/// Processes what has been received, then writes and reads on.
void Session::advance() {
    if (state_ == State::securing && !handshake()) {
        return;
    }
    if (state_ != State::securing && !read_frames()) {
        return;
    }
    write_more();
    read_more();
}

/// \return  whether to go on; false after an error.
bool Session::handshake() {
    const Result<bool> done = channel_->handshake();
    if (!done) {
        fail_channel(done.error());
        return false;
    }
    if (*done) {
        state_ = State::greeting;
        if (purpose_.dialled) {
            stream_->attach(channel_->offer());
            queue(Frame{owner_.own_hello(), {}});
        }
    }
    return true;
}

/// \return  whether to read more from the socket.
bool Session::read_frames() {
    while (state_ == State::greeting || state_ == State::up) {
        if (state_ == State::up && !owner_.may_read(*this)) {
            write_more();
            return false;
        }
        Result<std::optional<Blob>> borrowed = std::optional<Blob>();
        if (reader_.body_due() > 0) {
            borrowed = channel_->borrow(reader_.body_due());
        }
        const bool whole = borrowed && *borrowed;
        const Result<std::size_t> count = !borrowed ? borrowed.error()
                                          : whole   ? Result<std::size_t>((*borrowed)->size())
                                                    : channel_->read(reader_.space());
        if (!count) {
            fail_channel(count.error());
            return false;
        }
        if (*count == 0) {
            if (channel_->peer_finished()) {
                on_peer_end("", true);
                return false;
            }
            return true;
        }
        Result<std::optional<FrameReader::Received>> received =
            whole ? reader_.take_body(std::move(**borrowed)) : reader_.advance(*count);
        if (!received) {
            // A node of another version logs the reason in Refused; any other program ignores it.
            refuse(Error{received.error().code, "bad frame: " + received.error().message});
            return false;
        }
        if (*received) {
            handle(std::move(**received));
        }
    }
    return state_ != State::closed;
}

void Session::handle(FrameReader::Received received) {
    if (state_ == State::greeting) {
        handle_first(received.frame.message);
        return;
    }
    if (const auto* refused = std::get_if<Refused>(&received.frame.message)) {
        end(SessionEnd{{refused->code, "refused this node: " + refused->reason}, true, true});
        return;
    }
    if (std::holds_alternative<Hello>(received.frame.message)) {
        refuse(Error{Errc::malformed, "a second hello"});
        return;
    }
    owner_.frame_received(*this, std::move(received));
}

void Session::handle_first(const Message& message) {
    if (const auto* hello = std::get_if<Hello>(&message)) {
        greet(*hello);
        return;
    }
    const auto* refused = std::get_if<Refused>(&message);
    if (refused != nullptr && purpose_.dialled) {
        const Errc code = refused->code == Errc::replaced ? Errc::replaced : Errc::refused;
        end(SessionEnd{{code, "refused this node: " + refused->reason}, true, true});
        return;
    }
    refuse(Error{Errc::malformed,
                 "its first frame is " + std::string(type_name(message)) + ", not Hello"});
}

void Session::greet(const Hello& hello) {
    if (Result<void> admitted = owner_.admit(*this, hello); !admitted) {
        refuse(admitted.error());
        return;
    }
    peer_ = hello;
    reader_.allow_large_frames();
    channel_->expect_bulk();
    if (!purpose_.dialled) {
        stream_->attach(channel_->offer());
        queue(Frame{owner_.own_hello(), {}});
    }
    state_ = State::up;
    owner_.session_up(*this);
}

void Session::refuse(const Error& error) {
    end(SessionEnd{error, true, true}, Frame{Refused{error.code, error.message}, {}});
}

void Session::queue(const Frame& frame, SendGroup group) {
    STARLING_INVARIANT(!frame.body.is_phantom(), "a phantom body can't travel between processes");
    FrameHead head = encode_shared_head(frame);
    const std::size_t head_bytes = head.size();
    outbox_.push_back({Blob(std::move(head.own)), head_bytes, group});
    for (const Blob& shared : {head.shared, frame.body}) {
        if (!shared.empty()) {
            outbox_.push_back({shared, 0, group});
        }
    }
}

/// Whether a part of the first frame was sent: then nothing but its rest may follow.
bool Session::mid_frame() const {
    return !outbox_.empty() && (!outbox_.front().begins_frame() || sent_of_first_ > 0);
}

bool Session::send(const Frame& frame, SendGroup group) {
    if (state_ != State::up || write_failed_ || stream_ended_) {
        return false;
    }
    queue(frame, group);
    if (outbox_.size() > outbox_pieces_max || has_too_long_heads()) {
        end(SessionEnd{{Errc::too_large, "it does not read what it has asked for"}, false, true});
        return false;
    }
    return !std::exchange(unflushed_, true);
}

void Session::flush() {
    unflushed_ = false;
    write_more();
}

/// Whether too many bytes of long messages are queued, which the newest frame may have brought
/// about. Not at an SN, which gets a log that may have long records.
bool Session::has_too_long_heads() const {
    const Piece& newest = *std::find_if(outbox_.rbegin(), outbox_.rend(),
                                        [](const Piece& piece) { return piece.begins_frame(); });
    if (peer_.role == Role::sn || newest.head_bytes < long_head_bytes) {
        return false;
    }
    std::size_t queued = 0;
    for (const Piece& piece : outbox_) {
        queued += piece.head_bytes >= long_head_bytes ? piece.head_bytes : 0;
    }
    return queued > long_heads_bytes_max;
}

void Session::cancel_sends(SendGroup group) {
    auto first = outbox_.begin();
    if (mid_frame()) {
        ++first;
        while (first != outbox_.end() && !first->begins_frame()) {
            ++first;
        }
    }
    outbox_.erase(std::remove_if(first, outbox_.end(),
                                 [&](const Piece& piece) { return piece.group == group; }),
                  outbox_.end());
}

void Session::resume() {
    if (state_ == State::up && !reading_) {
        advance();
    }
}

}  // namespace starling
