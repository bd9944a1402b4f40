#include "transport/tls/session.hpp"

#include <algorithm>
#include <utility>

#include "core/wire/codec.hpp"

namespace starling {
namespace {

/// Encrypted between two looks at how much waits for the socket.
constexpr std::size_t write_chunk_bytes = std::size_t{64} * 1024;
constexpr std::size_t discard_bytes = std::size_t{16} * 1024;

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
    stream_->connect(*purpose_.dialled, [self = shared_from_this()](Result<void> connected) {
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

/// Does what can be done with the bytes at hand, then asks for more.
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
        const Result<std::size_t> count = channel_->read(reader_.space());
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
        Result<std::optional<FrameReader::Received>> received = reader_.advance(*count);
        if (!received) {
            // Refused explains it to a node of another version; anything else ignores it.
            refuse(Error{received.error().code, "bad frame: " + received.error().message});
            return false;
        }
        if (*received) {
            handle(std::move(**received));
        }
    }
    return state_ != State::gone;
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
        end(SessionEnd{{Errc::refused, "refused this node: " + refused->reason}, true, true});
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
        queue(Frame{owner_.own_hello(), {}});
    }
    state_ = State::up;
    owner_.session_up(*this);
}

void Session::refuse(const Error& error) {
    end(SessionEnd{error, true, true}, Frame{Refused{error.code, error.message}, {}});
}

void Session::queue(const Frame& frame) {
    STARLING_INVARIANT(!frame.body.is_phantom(), "a phantom body can't travel between processes");
    outbox_.push_back({Blob(encode_head(frame)), true});
    if (!frame.body.empty()) {
        outbox_.push_back({frame.body, false});
    }
}

/// A frame of which a part was sent can't be followed by another one.
bool Session::mid_frame() const {
    return !outbox_.empty() && (!outbox_.front().begins_frame || sent_of_first_ > 0);
}

void Session::send(const Frame& frame) {
    if (state_ == State::up && !write_failed_ && !said_goodbye_) {
        queue(frame);
        write_more();
    }
}

void Session::resume() {
    if (state_ == State::up && !reading_) {
        advance();
    }
}

// ---- Socket -------------------------------------------------------------------------------------

void Session::read_more() {
    if (reading_ || state_ == State::gone || state_ == State::connecting) {
        return;
    }
    reading_ = true;
    std::span<std::byte> space;
    if (state_ == State::ending) {
        discard_.resize(discard_bytes);
        space = discard_;
    } else {
        space = channel_->receive_space();
    }
    stream_->read_some(
        space, [self = shared_from_this()](const std::error_code& failed, std::size_t count) {
            self->on_read(failed, count);
        });
}

void Session::on_read(const std::error_code& failed, std::size_t count) {
    reading_ = false;
    if (state_ == State::gone) {
        return;
    }
    if (failed || count == 0) {
        if (state_ == State::ending) {
            abort(std::nullopt);
        } else {
            on_peer_end(failed ? failed.message() : "", false);
        }
        return;
    }
    if (state_ == State::ending) {
        read_more();
        return;
    }
    channel_->received(count);
    advance();
}

void Session::on_peer_end(const std::string& how, bool said_goodbye) {
    const bool whole = reader_.between_frames();
    std::string text;
    if (!whole) {
        text = "closed the connection in the middle of a frame";
    } else if (state_ != State::up) {
        text = "closed the connection before saying hello";
    } else if (said_goodbye || (!certified() && how.empty())) {
        text = "closed the connection";
    } else {
        text = "the connection broke off (program killed, or network lost)";
    }
    if (!how.empty()) {
        text += ": " + how;
    }
    end(SessionEnd{{Errc::unreachable, text}, false, !whole || state_ != State::up});
}

/// Encrypts while little waits for the socket, and keeps one write under way.
void Session::write_more() {
    if (state_ == State::gone || write_failed_) {
        return;
    }
    while (!outbox_.empty() && channel_->pending() < send_batch_bytes) {
        const std::size_t left = outbox_.front().bytes.size() - sent_of_first_;
        const std::size_t count = std::min(left, write_chunk_bytes);
        if (Result<void> written = channel_->write(outbox_.front().bytes, sent_of_first_, count);
            !written) {
            write_failed_ = true;  // reading finds out why
            outbox_.clear();
            return;
        }
        sent_of_first_ += count;
        if (count == left) {
            outbox_.pop_front();
            sent_of_first_ = 0;
        }
    }
    if (state_ == State::ending && outbox_.empty() && !said_goodbye_) {
        said_goodbye_ = true;
        channel_->finish();
    }
    if (!writing_ && channel_->pending() > 0) {
        writing_ = true;
        stream_->write(channel_->take(),
                       [self = shared_from_this()](const std::error_code& failed, std::size_t) {
                           self->on_written(failed);
                       });
    }
    if (!writing_ && said_goodbye_ && !sending_finished_) {
        // Closing now, with bytes of the peer unread, could destroy what we sent last on its way.
        sending_finished_ = true;
        stream_->finish_sending();
    }
}

void Session::on_written(const std::error_code& failed) {
    writing_ = false;
    if (failed) {
        // What the peer said before it hung up explains more than this error: let the reader find
        // it.
        write_failed_ = true;
        outbox_.clear();
        return;
    }
    write_more();
}

// ---- End ----------------------------------------------------------------------------------------

void Session::fail_channel(const Error& error) {
    end(SessionEnd{error, channel_->error_is_fatal(), true});
}

void Session::end(const SessionEnd& why, const std::optional<Frame>& last_words) {
    const std::shared_ptr<Session> self = shared_from_this();
    const bool can_speak = state_ != State::securing && !mid_frame();
    outbox_.clear();
    sent_of_first_ = 0;
    if (last_words && can_speak) {
        queue(*last_words);
    }
    state_ = State::ending;
    if (!std::exchange(end_reported_, true)) {
        owner_.session_ended(*this, why);
    }
    write_more();
    read_more();
}

void Session::finish() {
    if (state_ == State::up) {
        state_ = State::ending;
        end_reported_ = true;
        write_more();
        read_more();
    } else if (state_ != State::ending) {
        abort(std::nullopt);
    }
}

void Session::expire(const std::string& limit_text) {
    if (state_ == State::up) {
        return;
    }
    if (state_ == State::ending) {
        abort(std::nullopt);
        return;
    }
    const std::string what =
        state_ == State::connecting ? "no connection within " : "no hello within ";
    abort(SessionEnd{{Errc::unreachable, what + limit_text}, false, true});
}

void Session::abort(const std::optional<SessionEnd>& why) {
    if (state_ == State::gone) {
        return;
    }
    const std::shared_ptr<Session> self = shared_from_this();
    state_ = State::gone;
    outbox_.clear();
    stream_->close();
    if (why && !std::exchange(end_reported_, true)) {
        owner_.session_ended(*this, *why);
    }
    owner_.session_gone(*this);
}

}  // namespace starling
