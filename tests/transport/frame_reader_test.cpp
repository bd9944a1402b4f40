#include "transport/tls/frame_reader.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace starling::test {
namespace {

/// Feeds `bytes` to the reader, as many at a time as it accepts. \return  the decoded frames.
std::vector<Frame> feed(FrameReader& reader, ByteView bytes, std::size_t& most_space) {
    std::vector<Frame> frames;
    while (!bytes.empty()) {
        const std::span<std::byte> space = reader.space();
        most_space = std::max(most_space, space.size());
        const std::size_t count = std::min(space.size(), bytes.size());
        std::copy_n(bytes.begin(), count, space.begin());
        bytes = bytes.subspan(count);
        Result<std::optional<FrameReader::Received>> received = reader.advance(count);
        EXPECT_TRUE(received.has_value());
        if (received && *received) {
            frames.push_back(std::move((*received)->frame));
        }
    }
    return frames;
}

TEST(FrameReader, MemoryForAMessageIsAllocatedAsItsBytesArrive) {
    Frame frame{SubmitCommand{1, 1, Enrol{"c", {}, std::string(layout_text_max, 'x'), {}}, {}}, {}};
    const Bytes bytes = encode_head(frame);
    FrameReader reader;
    reader.allow_large_frames();
    std::size_t most_space = 0;
    feed(reader, ByteView(bytes).first(frame_header_bytes), most_space);
    EXPECT_LE(reader.space().size(), 16U * 1024) << "4 MiB are announced, and none has arrived";
    most_space = 0;
    const std::vector<Frame> frames =
        feed(reader, ByteView(bytes).subspan(frame_header_bytes), most_space);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(encode_head(frames[0]), bytes);
    EXPECT_LE(most_space, bytes.size() / 2);
    const std::vector<Frame> again = feed(reader, bytes, most_space);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(encode_head(again[0]), bytes);
}

TEST(FrameReader, DecodesFramesFedOneByteAtATime) {
    const Frame small{CommandResult{7, Errc::stale, "late", 1, 0}, {}};
    const Bytes head = encode_head(small);
    const Frame with_body{MlSegment{3, 1}, Blob(Bytes(5))};
    Bytes bytes = head;
    const Bytes second = encode_head(with_body);
    bytes.insert(bytes.end(), second.begin(), second.end());
    bytes.resize(bytes.size() + 5);
    FrameReader reader;
    reader.allow_large_frames();
    std::size_t count = 0;
    std::size_t most_space = 0;
    for (const std::byte& one : bytes) {
        count += feed(reader, ByteView(&one, 1), most_space).size();
    }
    EXPECT_EQ(count, 2U);
    EXPECT_TRUE(reader.between_frames());
}

/// The body's record may come after space() has made room for the body.
TEST(FrameReader, ABodyThatWasTakenLeavesNoSpaceToTheNext) {
    constexpr std::size_t small = 40'960;
    constexpr std::size_t large = 262'144;
    FrameReader reader;
    reader.allow_large_frames();
    std::size_t most_space = 0;
    feed(reader, encode_head({MlSegment{0, 1}, Blob(Bytes(small))}), most_space);
    EXPECT_EQ(reader.space().size(), small);
    const auto taken = reader.take_body(Blob(Bytes(small)));
    ASSERT_TRUE(taken && *taken);
    Bytes next = encode_head({MlSegment{1, 1}, Blob(Bytes(large))});
    next.resize(next.size() + large, std::byte{7});
    const std::vector<Frame> frames = feed(reader, next, most_space);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].body.view().size(), large);
    EXPECT_EQ(frames[0].body.view()[large - 1], std::byte{7});
}

}  // namespace
}  // namespace starling::test
