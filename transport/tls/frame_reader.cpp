// A state machine over header, message and body of a frame (core/wire/FORMAT.md). decode_header()
// bounds all lengths before anything is allocated, and before the hello much smaller bounds hold.
#include "transport/tls/frame_reader.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace starling {
namespace {

/// Initial size of a message's buffer. It doubles as bytes arrive, so that a header alone can't
/// allocate much.
constexpr std::size_t first_piece_bytes = std::size_t{16} * 1024;
/// A buffer up to this size is reused for the next message.
constexpr std::size_t kept_bytes = std::size_t{64} * 1024;

}  // namespace

std::span<std::byte> FrameReader::space() {
    switch (phase_) {
        case Phase::header:
            return std::span(header_bytes_).subspan(filled_);
        case Phase::message:
            return std::span(message_).subspan(filled_);
        case Phase::body:
            break;
    }
    if (!body_) {
        body_ = pool_of_body().take(header_.body_bytes);
    }
    return std::span(body_.get(), header_.body_bytes).subspan(filled_);
}

/// Merged segments are handed to the program.
BufferPool& FrameReader::pool_of_body() const {
    const auto* data = std::get_if<SegmentData>(&*decoded_);
    const bool is_merged = data != nullptr && data->kind == SegmentKind::merged;
    return is_merged ? BufferPool::of_models() : BufferPool::of_process();
}

Result<std::optional<FrameReader::Received>> FrameReader::advance(std::size_t count) {
    STARLING_INVARIANT(count <= space().size(), "bytes were written into space()");
    filled_ += count;
    if (phase_ == Phase::message && filled_ == message_.size() && filled_ < header_.message_bytes) {
        message_.resize(std::min<std::size_t>(header_.message_bytes, 2 * filled_));
    }
    if (!space().empty()) {
        return std::optional<Received>();
    }
    return next_phase();
}

Result<void> FrameReader::begin_frame() {
    Result<FrameHeader> header = decode_header(header_bytes_);
    if (!header) {
        return header.error();
    }
    if (!large_allowed_ && (header->message_bytes > hello_bytes_max || header->body_bytes > 0)) {
        return Error{Errc::too_large,
                     "a frame of " +
                         std::to_string(std::uint64_t{header->message_bytes} + header->body_bytes) +
                         " bytes before the hello"};
    }
    header_ = *header;
    message_.resize(std::min<std::size_t>(header_.message_bytes, first_piece_bytes));
    return {};
}

/// The message may say where the body is read to.
Result<void> FrameReader::end_message() {
    Result<Message> message = decode_message(header_, message_);
    if (!message) {
        return message.error();
    }
    decoded_ = std::move(*message);
    if (message_.capacity() > kept_bytes) {
        message_ = Bytes();
    }
    return {};
}

Result<std::optional<FrameReader::Received>> FrameReader::next_phase() {
    filled_ = 0;
    if (phase_ == Phase::header) {
        if (Result<void> begun = begin_frame(); !begun) {
            return begun.error();
        }
        phase_ = Phase::message;
        if (header_.message_bytes > 0) {
            return std::optional<Received>();
        }
    }
    if (phase_ == Phase::message) {
        if (Result<void> ended = end_message(); !ended) {
            return ended.error();
        }
        phase_ = Phase::body;
        if (header_.body_bytes > 0) {
            return std::optional<Received>();
        }
    }
    const ByteView view(body_.get(), body_ ? header_.body_bytes : 0);
    return finish_frame(body_ ? Blob(std::move(body_), view) : Blob());
}

Result<std::optional<FrameReader::Received>> FrameReader::take_body(Blob body) {
    STARLING_INVARIANT(body_due() > 0 && body.size() == body_due(), "the caller has asked");
    body_.reset();  // space() made room for it if the record of this body had not come yet
    return finish_frame(std::move(body));
}

Result<std::optional<FrameReader::Received>> FrameReader::finish_frame(Blob body) {
    phase_ = Phase::header;
    Received received;
    received.frame.message = std::move(*decoded_);
    received.frame.body = std::move(body);
    received.size_bytes = frame_header_bytes + header_.message_bytes + header_.body_bytes;
    return std::optional<Received>(std::move(received));
}

}  // namespace starling
