#include "transport/crypto/openssl_hasher.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace starling
