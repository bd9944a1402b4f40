#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "core/base/buffer_pool.hpp"
#include "core/wire/codec.hpp"

namespace starling {

/// Puts frames together from a run of bytes. Each byte is written once, to where it stays: a body
/// gets a buffer of exactly its size, which becomes the frame's Blob.
class FrameReader {
public:
    struct Received {
        Frame frame;
        std::size_t size_bytes = 0;  ///< on the wire
    };

    /// Where the next bytes belong; never empty.
    std::span<std::byte> space();
    /// The first `count` bytes of space() were written.
    /// \return  a frame if one is complete. After an error the connection is of no use any more.
    Result<std::optional<Received>> advance(std::size_t count);

    /// Until this is called a frame is a hello: at most hello_bytes_max and no body.
    void allow_large_frames() { large_allowed_ = true; }
    /// A connection that ends here ends between two frames.
    bool between_frames() const { return phase_ == Phase::header && filled_ == 0; }
    /// Of the body that is arriving.
    std::size_t body_bytes_here() const { return phase_ == Phase::body ? filled_ : 0; }

private:
    enum class Phase { header, message, body };

    Result<void> begin_frame();
    Result<std::optional<Received>> next_phase();
    Result<std::optional<Received>> finish_frame();

    Phase phase_ = Phase::header;
    std::size_t filled_ = 0;  ///< of the current phase
    bool large_allowed_ = false;
    std::array<std::byte, frame_header_bytes> header_bytes_{};
    FrameHeader header_;
    Bytes message_;
    BufferPool::Buffer body_;
};

}  // namespace starling
