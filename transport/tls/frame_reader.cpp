#include "transport/tls/frame_reader.hpp"

#include <string>
#include <utility>

namespace starling {

std::span<std::byte> FrameReader::space() {
    switch (phase_) {
        case Phase::header:
            return std::span(header_bytes_).subspan(filled_);
        case Phase::message:
            return std::span(message_).subspan(filled_);
        case Phase::body:
            break;
    }
    return std::span(body_.get(), header_.body_bytes).subspan(filled_);
}

Result<std::optional<FrameReader::Received>> FrameReader::advance(std::size_t count) {
    STARLING_INVARIANT(count <= space().size(), "bytes were written into space()");
    filled_ += count;
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
    message_.resize(header_.message_bytes);
    if (header_.body_bytes > 0) {
        body_ = std::make_shared_for_overwrite<std::byte[]>(header_.body_bytes);
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
    if (phase_ == Phase::message && header_.body_bytes > 0) {
        phase_ = Phase::body;
        return std::optional<Received>();
    }
    return finish_frame();
}

Result<std::optional<FrameReader::Received>> FrameReader::finish_frame() {
    phase_ = Phase::header;
    Result<Message> message = decode_message(header_, message_);
    if (!message) {
        return message.error();
    }
    Received received;
    received.frame.message = std::move(*message);
    if (header_.body_bytes > 0) {
        const ByteView view(body_.get(), header_.body_bytes);
        received.frame.body = Blob(std::move(body_), view);
    }
    received.size_bytes = frame_header_bytes + header_.message_bytes + header_.body_bytes;
    return std::optional<Received>(std::move(received));
}

}  // namespace starling
