#include "transport/crypto/openssl_hasher.hpp"

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "transport/crypto/sha256_lanes.hpp"

namespace starling {
namespace {

ByteView view_of(std::string_view text) { return std::as_bytes(std::span(text)); }
Blob blob_of(std::string_view text) {
    const ByteView view = view_of(text);
    return Blob(Bytes(view.begin(), view.end()));
}

TEST(OpensslHasher, MatchesTheExamplesOfTheStandard) {
    // FIPS 180-4 examples.
    EXPECT_EQ(to_string(openssl_hasher().digest(ByteView{})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_string(openssl_hasher().digest(view_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(OpensslHasher, JoinsPartsWithoutSeparator) {
    const std::vector<Blob> parts = {blob_of("a"), blob_of(""), blob_of("bc")};
    EXPECT_EQ(openssl_hasher().digest(parts), openssl_hasher().digest(view_of("abc")));
    const std::vector<ByteView> views = {view_of("ab"), view_of("c")};
    EXPECT_EQ(openssl_hasher().digest(views), openssl_hasher().digest(view_of("abc")));
}

TEST(OpensslHasher, HashesThePhantomsSize) {
    const std::vector<Blob> parts = {Blob::phantom(0x0102)};
    EXPECT_EQ(openssl_hasher().digest(parts),
              openssl_hasher().digest(view_of(std::string_view("\x02\x01\0\0\0\0\0\0", 8))));
}

Bytes drawn_bytes(std::size_t size) {
    Bytes bytes(size);
    Random random(7);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random.next());
    }
    return bytes;
}

std::vector<Digest> digests_one_by_one(ByteView bytes, std::size_t block) {
    std::vector<Digest> digests;
    for (std::size_t begin = 0; begin < bytes.size(); begin += block) {
        digests.push_back(
            openssl_hasher().digest(bytes.subspan(begin, std::min(block, bytes.size() - begin))));
    }
    return digests;
}

TEST(OpensslHasher, HashesBlocksTogetherAsOneByOne) {
    // With and without a rest, at an odd address; 96 and 100 don't fit the lanes.
    for (const std::size_t block : {64U, 96U, 100U, 128U, 1024U, 16384U}) {
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, 5 * block, 6 * block + 1,
                                       15 * block, 16 * block, 16 * block + 1, 33 * block - 1}) {
            const Bytes bytes = drawn_bytes(size + 1);
            const ByteView view = ByteView(bytes).subspan(1);
            EXPECT_EQ(openssl_hasher().digest_blocks(view, block), digests_one_by_one(view, block))
                << size << " bytes in blocks of " << block;
        }
    }
}

TEST(Sha256Lanes, EachFunctionOfThisCpuMatchesOpenssl) {
    if (sha256_lanes().empty()) {
        GTEST_SKIP() << "this CPU has neither AVX-512 nor SHA instructions";
    }
    for (const Sha256Lanes& lanes : sha256_lanes()) {
        ASSERT_LE(lanes.count, Sha256Lanes::max_count);
        for (const std::size_t size : {0U, 64U, 128U, 4096U, 16384U}) {
            const Bytes bytes = drawn_bytes(lanes.count * (size + 1));
            std::vector<const std::byte*> messages;
            std::vector<Digest> expected;
            for (std::size_t i = 0; i < lanes.count; ++i) {
                messages.push_back(bytes.data() + i * (size + 1));
                expected.push_back(openssl_hasher().digest(ByteView(messages.back(), size)));
            }
            std::vector<Digest> digests(lanes.count);
            lanes.hash(messages.data(), size, digests.data());
            EXPECT_EQ(digests, expected) << lanes.name << ", " << size << " bytes";
        }
    }
}

}  // namespace
}  // namespace starling
