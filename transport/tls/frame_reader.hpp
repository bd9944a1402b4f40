#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "core/base/buffer_pool.hpp"
#include "core/wire/codec.hpp"

namespace starling {

/// Assembles frames from a stream of bytes. A body is written once, into a buffer of exactly its
/// size, which becomes the frame's Blob.
class FrameReader {
public:
    struct Received {
        Frame frame;
        std::size_t size_bytes = 0;  ///< on the wire
    };

    /// Space for the next bytes; never empty.
    std::span<std::byte> space();
    /// To be called after `count` bytes were written into space().
    /// \return  a frame if one is complete. After an error the stream can't be read further.
    Result<std::optional<Received>> advance(std::size_t count);

    /// The size of a body of which nothing has been read; 0: none begins here.
    std::size_t body_due() const {
        return phase_ == Phase::body && filled_ == 0 ? header_.body_bytes : 0;
    }
    /// Instead of reading it. \pre  body.size() is body_due(), and that is not 0.
    Result<std::optional<Received>> take_body(Blob body);

    /// Before this call a frame may have hello_bytes_max bytes at most, and no body.
    void allow_large_frames() { large_allowed_ = true; }
    /// Whether the stream is at a boundary of frames.
    bool between_frames() const { return phase_ == Phase::header && filled_ == 0; }
    /// Bytes received of an incomplete body.
    std::size_t partial_body_bytes() const { return phase_ == Phase::body ? filled_ : 0; }

private:
    enum class Phase { header, message, body };

    Result<void> begin_frame();
    Result<void> end_message();
    Result<std::optional<Received>> next_phase();
    Result<std::optional<Received>> finish_frame(Blob body);
    BufferPool& pool_of_body() const;

    Phase phase_ = Phase::header;
    std::size_t filled_ = 0;  ///< bytes received of the current phase
    bool large_allowed_ = false;
    std::array<std::byte, frame_header_bytes> header_bytes_{};
    FrameHeader header_;
    Bytes message_;
    std::optional<Message> decoded_;  ///< of the frame whose body is being read
    BufferPool::Buffer body_;
};

}  // namespace starling
