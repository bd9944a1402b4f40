// The half of Session that moves bytes between channel and socket, and ends connections.
//
// A socket that is closed with unread input makes the kernel send a reset (RFC 1122, 4.2.2.13),
// which may destroy what was sent last, such as the Refused with the reason. So a session that ends
// sends its last frame, shuts down its sending side, and discards input until the peer closes, or
// until its limit: a lingering close, as HTTP servers do (RFC 9112, 9.6).

#include <algorithm>
#include <array>
#include <utility>

#include <arpa/inet.h>

#include "transport/tls/session.hpp"

namespace starling {
namespace {

constexpr std::size_t discard_bytes = std::size_t{16} * 1024;
/// See Session::write_batch().
constexpr std::size_t at_once_max = std::size_t{512} * 1024;

bool is_name(const std::string& host) {
    std::array<std::byte, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) != 1 &&
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1 && !host.starts_with('/');
}

}  // namespace

void Session::read_more() {
    if (reading_ || read_over_ || state_ == State::closed || state_ == State::connecting) {
        return;
    }
    reading_ = true;
    stream_->read_some(
        [this] { return receive_space(); },
        [self = shared_from_this()](const std::error_code& failed, std::size_t count) {
            self->on_read(failed, count);
        });
}

/// Right before on_read().
std::span<std::byte> Session::receive_space() {
    if (state_ != State::ending) {
        return channel_->receive_space();
    }
    discard_.resize(discard_bytes);
    return discard_;
}

void Session::on_read(const std::error_code& failed, std::size_t count) {
    reading_ = false;
    if (state_ == State::closed) {
        return;
    }
    if (failed || count == 0) {
        // Not to be read again: after an error the socket would never become readable.
        read_over_ = true;
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
    moved_ = true;
    if (state_ == State::greeting) {
        channel_->take_offer(stream_->take_attached());
    }
    channel_->received(count);
    advance();
    channel_->keep_unread();
}

void Session::on_peer_end(const std::string& how, bool in_order) {
    const bool whole = reader_.between_frames();
    std::string text;
    if (!whole) {
        text = "closed the connection in the middle of a frame";
    } else if (state_ != State::up) {
        text = "closed the connection before saying hello";
    } else if (in_order || (!certified() && how.empty())) {
        text = "closed the connection";
    } else {
        text = "the connection broke off (program killed, or network lost)";
    }
    if (!how.empty()) {
        text += ": " + how;
    }
    end(SessionEnd{{Errc::unreachable, text}, false, !whole || state_ != State::up});
}

/// Sends what is queued, as far as the socket takes it at once; the rest when it takes more.
void Session::write_more() {
    if (state_ == State::closed || write_failed_) {
        return;
    }
    std::size_t room = at_once_max;
    bool sent = false;
    while (fill_batch() && write_batch(room)) {
        sent = true;
    }
    if (sent && !writing_) {
        channel_->sent_all();
    }
    if (!writing_ && stream_ended_ && !sending_finished_) {
        // Not closed yet: unread bytes of the peer would lead to a reset.
        sending_finished_ = true;
        stream_->finish_sending();
    }
}

/// Encrypts while less than a batch is queued for the socket. \return  false: the channel failed.
bool Session::fill_batch() {
    const std::size_t batch_bytes = batch_.bytes(owner_.batch_limit());
    while (!outbox_.empty() && channel_->pending() < batch_bytes) {
        const std::size_t left = outbox_.front().bytes.size() - sent_of_first_;
        const std::size_t count = channel_->may_write(outbox_.front().bytes, sent_of_first_);
        if (count == 0) {
            break;
        }
        if (Result<void> written = channel_->write(outbox_.front().bytes, sent_of_first_, count);
            !written) {
            write_failed_ = true;  // the next read gives the reason
            outbox_.clear();
            return false;
        }
        sent_of_first_ += count;
        if (count == left) {
            outbox_.pop_front();
            sent_of_first_ = 0;
        }
    }
    if (state_ == State::ending && outbox_.empty() && !stream_ended_) {
        stream_ended_ = true;
        channel_->finish();
    }
    return true;
}

/// Keeps one write under way.
///
/// \param room  bytes that may be written at once: other connections have their turn, too
/// \return  whether all that was queued for the socket was written at once.
bool Session::write_batch(std::size_t& room) {
    if (writing_ || channel_->pending() == 0) {
        return false;
    }
    batch_.write_begins(SendBatch::Clock::now());
    const std::size_t count = channel_->pending();
    const std::span<const ByteView> parts = channel_->take();
    const std::size_t written = room > 0 ? stream_->write_at_once(parts) : 0;
    room -= std::min(room, written);
    if (written == count) {
        moved_ = true;
        batch_.write_ends(SendBatch::Clock::now(), count);
        return true;
    }
    writing_ = true;
    stream_->write(parts, written,
                   [self = shared_from_this(), count](const std::error_code& failed, std::size_t) {
                       self->on_written(failed, count);
                   });
    return false;
}

void Session::on_written(const std::error_code& failed, std::size_t count) {
    writing_ = false;
    if (failed) {
        // What the peer sent before it closed explains more than this error: leave it to the
        // reader.
        write_failed_ = true;
        outbox_.clear();
    } else {
        moved_ = true;
        batch_.write_ends(SendBatch::Clock::now(), count);
        write_more();
        if (!writing_) {
            channel_->sent_all();
        }
    }
    close_if_both_ended();
}

/// Closes once both directions have ended.
void Session::close_if_both_ended() {
    if (state_ == State::ending && read_over_ && (write_failed_ || sending_finished_)) {
        abort(std::nullopt);
    }
}

// ---- End ----------------------------------------------------------------------------------------

void Session::fail_channel(const Error& error) {
    end(SessionEnd{error, channel_->error_is_fatal(), true});
}

void Session::end(const SessionEnd& why, const std::optional<Frame>& final_frame) {
    const std::shared_ptr<Session> self = shared_from_this();
    const bool can_send = state_ != State::securing && !mid_frame();
    outbox_.clear();
    sent_of_first_ = 0;
    if (final_frame && can_send) {
        queue(*final_frame);
    }
    state_ = State::ending;
    if (!std::exchange(end_reported_, true)) {
        owner_.session_ended(*this, why);
    }
    write_more();
    read_more();
    close_if_both_ended();
}

void Session::finish() {
    if (state_ == State::up) {
        state_ = State::ending;
        end_reported_ = true;
        channel_->expect_no_more();
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
    std::string text =
        (state_ == State::connecting ? "no connection within " : "no hello within ") + limit_text;
    if (state_ == State::connecting && purpose_.dialled && is_name(purpose_.dialled->host)) {
        text += " (does the name resolve?)";
    }
    abort(SessionEnd{{Errc::unreachable, text}, false, true});
}

void Session::abort(const std::optional<SessionEnd>& why) {
    if (state_ == State::closed) {
        return;
    }
    const std::shared_ptr<Session> self = shared_from_this();
    state_ = State::closed;
    outbox_.clear();
    stream_->close();
    if (why && !std::exchange(end_reported_, true)) {
        owner_.session_ended(*this, *why);
    }
    owner_.session_closed(*this);
}

}  // namespace starling
