#include <gtest/gtest.h>

#include "core/base/copy_past_caches.hpp"
#include "core/params/param_layout.hpp"
#include "core/params/segment_parts.hpp"
#include "core/params/segments.hpp"
#include "transport/crypto/openssl_hasher.hpp"

namespace starling::test {
namespace {

TEST(ParamLayout, IsSortedByElementSizeWithoutGaps) {
    const auto layout = ParamLayout::make({{"a", DType::f32, {3}},
                                           {"count", DType::i64, {}},
                                           {"h", DType::f16, {5}},
                                           {"b", DType::f32, {2, 2}}});
    ASSERT_TRUE(layout);
    std::uint64_t end = 0;
    for (const TensorSpec& tensor : layout->tensors()) {
        EXPECT_EQ(tensor.offset_bytes, end) << tensor.name;
        EXPECT_EQ(tensor.offset_bytes % element_bytes(tensor.dtype), 0U) << tensor.name;
        end += tensor.size_bytes();
    }
    EXPECT_EQ(layout->size_bytes(), 8U + 12 + 16 + 10);
    EXPECT_EQ(layout->tensors()[0].name, "count");
    EXPECT_EQ(layout->tensors()[1].name, "a");
    EXPECT_EQ(layout->text(), "count I64 scalar\na F32 3\nb F32 2,2\nh F16 5\n");
}

TEST(ParamLayout, SaysTheSizeOfSegmentsThatAreNotOfTheUsualOne) {
    const auto usual = ParamLayout::make({{"w", DType::f32, {1 << 20}}});
    const auto large = ParamLayout::make({{"w", DType::f32, {1 << 20}}}, 6 * segment_bytes);
    ASSERT_TRUE(usual && large);
    EXPECT_EQ(usual->segment_count(), 16U);
    EXPECT_EQ(large->text(), "#segments 1572864\n" + usual->text());
    EXPECT_EQ(large->segment_count(), 3U);
    EXPECT_EQ(large->segment_size(2), 4 * segment_bytes);
    const auto again = ParamLayout::parse(large->text());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->segment_bytes(), large->segment_bytes());
    EXPECT_EQ(first_difference(*usual, *again), "segments of 262144 bytes against 1572864");
    const Segments segments = cut(Blob::phantom(large->size_bytes()), large->segment_bytes());
    ASSERT_EQ(segments.size(), 3U);
    EXPECT_EQ(segments[2].size(), 4 * segment_bytes);

    for (const std::uint64_t wrong :
         {std::uint64_t{0}, segment_bytes + 4, ParamLayout::segment_bytes_max + segment_bytes}) {
        EXPECT_FALSE(ParamLayout::make({{"w", DType::f32, {4}}}, wrong)) << wrong;
        EXPECT_FALSE(ParamLayout::parse("#segments " + std::to_string(wrong) + "\nw F32 4\n"));
    }
    EXPECT_FALSE(ParamLayout::parse("#segments many\nw F32 4\n"));
    // A tensor of that name has a line with two blanks.
    const auto named = ParamLayout::parse("#segments F32 4\n");
    ASSERT_TRUE(named);
    EXPECT_EQ(named->tensors().front().name, "#segments");
}

TEST(ParamLayout, ParsesItsOwnText) {
    const auto layout = ParamLayout::make({{"w", DType::bf16, {10, 0, 3}}, {"n", DType::i64, {}}});
    ASSERT_TRUE(layout);
    const auto again = ParamLayout::parse(layout->text());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->text(), layout->text());
    EXPECT_EQ(again->size_bytes(), layout->size_bytes());
    EXPECT_EQ(fingerprint(*again, openssl_hasher()), fingerprint(*layout, openssl_hasher()));
}

TEST(ParamLayout, RejectsInvalidLayouts) {
    EXPECT_FALSE(ParamLayout::make({{"a", DType::f32, {1}}, {"a", DType::f32, {1}}}));
    EXPECT_FALSE(ParamLayout::make({{"a", DType::f32, {-1}}}));
    EXPECT_FALSE(ParamLayout::make({{"a b", DType::f32, {1}}}));
    EXPECT_FALSE(ParamLayout::make({{"", DType::f32, {1}}}));
    EXPECT_FALSE(ParamLayout::make({{"a", DType::f32, {1LL << 40, 1LL << 40}}}));
    EXPECT_FALSE(ParamLayout::make({{"a", DType::f64, {1LL << 39}}}));
    for (const char* text : {"w F32 3", "w F32 \n", "w F99 3\n", "w F32 3,\n", "w F32 3x\n",
                             "w F32 1,1,1,1,1,1,1,1,1\n", "\n"}) {
        EXPECT_FALSE(ParamLayout::parse(text)) << text;
    }
}

TEST(ParamLayout, FirstDifferenceNamesBothSides) {
    const auto a = ParamLayout::make({{"w", DType::f32, {10, 3}}});
    const auto b = ParamLayout::make({{"w", DType::f32, {10, 4}}});
    EXPECT_EQ(first_difference(*a, *b), "tensor 0: 'w' F32 10,3 against 'w' F32 10,4");
}

TEST(Segments, CutCoversEveryByteOnceWithoutCopying) {
    Bytes bytes(segment_bytes * 2 + 5);
    bytes.back() = std::byte{7};
    const Blob whole(std::move(bytes));
    const Segments segments = cut(whole);
    ASSERT_EQ(segments.size(), 3U);
    EXPECT_EQ(segments[2].size(), 5U);
    EXPECT_EQ(segments[1].view().data(), whole.view().data() + segment_bytes);
    EXPECT_EQ(segments[2].view()[4], std::byte{7});
    EXPECT_EQ(cut(Blob::phantom(segment_bytes + 1)).size(), 2U);
    EXPECT_TRUE(cut(Blob::phantom(segment_bytes + 1))[1].is_phantom());
}

TEST(Segments, BytesAreCopiedAcrossSegmentBorders) {
    Bytes bytes(segment_bytes * 2 + 5);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i % 251);
    }
    const Segments segments = cut(Blob(bytes));
    for (const auto& [begin, size] : {std::pair<std::size_t, std::size_t>{0, bytes.size()},
                                      {segment_bytes - 3, 6},
                                      {segment_bytes, segment_bytes},
                                      {3, segment_bytes + 2},
                                      {bytes.size() - 1, 1},
                                      {bytes.size(), 0}}) {
        Bytes out(size);
        copy_bytes(segments, begin, out);
        EXPECT_EQ(to_hex(out), to_hex(ByteView(bytes).subspan(begin, size))) << begin;
    }
}

TEST(Segments, CopiesShareTheListUntilOneIsChanged) {
    Segments segments;
    for (std::size_t size = 1; size <= 5; ++size) {
        segments.push_back(Blob::phantom(size));
    }
    Segments copy = segments;
    EXPECT_EQ(copy.data(), segments.data());
    copy.set(2, Blob::phantom(9));
    EXPECT_NE(copy.data(), segments.data());
    EXPECT_EQ(segments[2].size(), 3U);
    EXPECT_EQ(copy[2].size(), 9U);
    Segments shorter = segments;
    shorter.resize(2);
    shorter.push_back(Blob::phantom(7));
    EXPECT_EQ(shorter.size(), 3U);
    EXPECT_EQ(shorter.back().size(), 7U);
    EXPECT_EQ(segments.size(), 5U);
    EXPECT_EQ(size_bytes(segments), 15U);
    EXPECT_THROW(shorter.at(3), std::out_of_range);
    segments.clear();
    EXPECT_TRUE(segments.empty());
}

/// A vector of 5 GiB and 1000 bytes, whose segments are the same bytes, but for two.
TEST(Segments, BytesBehindFourGigabytesAreInTheirPlace) {
    constexpr std::uint64_t bytes = std::uint64_t{5} * 1024 * 1024 * 1024 + 1000;
    const std::uint32_t count = segment_count(bytes);
    ASSERT_EQ(count, 20'481U);
    EXPECT_EQ(segment_size(bytes, count - 2), segment_bytes);
    EXPECT_EQ(segment_size(bytes, count - 1), 1000U);
    Segments segments(count, Blob(Bytes(segment_bytes)));
    constexpr std::uint32_t marked = 17'000;  // from byte 4,456,448,000 on
    segments.set(marked, Blob(Bytes(segment_bytes, std::byte{1})));
    segments.set(count - 1, Blob(Bytes(1000, std::byte{2})));
    EXPECT_TRUE(is_whole(segments, bytes));
    EXPECT_EQ(size_bytes(segments), bytes);
    Bytes out(4);
    copy_bytes(segments, marked * segment_bytes - 2, out);
    EXPECT_EQ(to_hex(out), "00000101");
    copy_bytes(segments, bytes - 1001, std::span(out).first(2));
    EXPECT_EQ(to_hex(out), "00020101");
    EXPECT_EQ(cut(Blob::phantom(bytes)).back().size(), 1000U);
}

/// One of two tensors ends, and the other one begins, behind 2^32 bytes.
TEST(Segments, PartsOfTensorsBehindFourGigabytesAreFound) {
    const ParamLayout layout =
        *ParamLayout::make({{"a", DType::f32, {1'100'000'000}}, {"b", DType::f32, {100'000'000}}});
    constexpr std::uint64_t border = 4'400'000'000;
    const auto segment = static_cast<std::uint32_t>(border / segment_bytes);
    std::vector<std::pair<std::string, std::size_t>> parts;
    for_each_part(layout, segment, [&](const SegmentPart& part) {
        parts.emplace_back(part.tensor.name, part.bytes);
    });
    const std::size_t of_a = border % segment_bytes;
    EXPECT_EQ(parts, (std::vector<std::pair<std::string, std::size_t>>{
                         {"a", of_a}, {"b", segment_bytes - of_a}}));
}

TEST(Segments, AreCompleteOnlyWithAllTheirBytes) {
    const std::uint64_t bytes = segment_bytes + 5;
    const Segments segments = cut(Blob(Bytes(bytes)));
    EXPECT_TRUE(is_whole(segments, bytes));
    EXPECT_TRUE(is_whole({}, 0));
    EXPECT_FALSE(is_whole(segments, bytes + 1));
    EXPECT_FALSE(is_whole(std::span(segments).first(1), bytes));
    EXPECT_FALSE(is_whole(cut(Blob::phantom(bytes)), bytes));
}

void expect_written_across_bounds(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i % 251);
    }
    const ByteView all(bytes);
    SegmentWriter writer(bytes.size());
    writer.put(segment_bytes - 3, all.subspan(segment_bytes - 3));
    writer.put(0, {});
    writer.put(0, all.first(5));
    writer.put(5, all.subspan(5, segment_bytes - 8));
    const Segments segments = writer.take();
    EXPECT_TRUE(is_whole(segments, bytes.size()));
    EXPECT_EQ(size_bytes(segments), bytes.size());
    Bytes read(bytes.size());
    copy_bytes(segments, 0, read);
    EXPECT_TRUE(read == bytes) << size;
}

TEST(Segments, AreWrittenAcrossTheirBounds) {
    expect_written_across_bounds(2 * segment_bytes + 7);
    expect_written_across_bounds(40 * segment_bytes + 7);  // larger than caches
    EXPECT_TRUE(SegmentWriter(0).take().empty());
}

TEST(CopyPastCaches, CopiesTheBytesAndNoOthersFromAndToAnyAddress) {
    Bytes from(1000);
    for (std::size_t i = 0; i < from.size(); ++i) {
        from[i] = static_cast<std::byte>(i % 251);
    }
    for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 127U, 128U, 500U}) {
        for (std::size_t at = 0; at < 65; ++at) {
            Bytes to(1000, std::byte{0xff});
            Bytes expected = to;
            std::copy_n(from.begin() + 3, size, expected.begin() + static_cast<std::ptrdiff_t>(at));
            copy_past_caches(to.data() + at, ByteView(from).subspan(3, size));
            EXPECT_EQ(to_hex(to), to_hex(expected)) << size << " bytes to " << at;
        }
    }
}

}  // namespace
}  // namespace starling::test
