// The end of a certificate's validity, read from its bytes.
#include "core/ledger/certificate_end.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

Bytes bytes_of(std::string_view hex) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(
            static_cast<std::byte>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

/// Made by `openssl req -x509 -newkey ed25519`: valid until 2036-11-25 17:28:27 UTC.
const Bytes made_by_openssl = bytes_of(
    "3082012c3081dfa00302010202144ac83f97deb3276e85718989b375126b5f64fa8a300506032b6570300c310a3008"
    "06035504030c0178301e170d3236313132383137323832375a170d3336313132353137323832375a300c310a300806"
    "035504030c0178302a300506032b65700321001ac8c226dc2767de81408fc6fba3a5874d401382a6bbede1eca43ba2"
    "b7473b03a3533051301d0603551d0e041604142eab29f7ee6e6317c487a99ed887fbe027ec73b4301f0603551d2304"
    "18301680142eab29f7ee6e6317c487a99ed887fbe027ec73b4300f0603551d130101ff040530030101ff300506032b"
    "6570034100ab27efa84518916df731ffb5c2e4ea4e277d3ba8445124d94f0addcc2c04112a5213a16a517664353d7c"
    "b5a196033ee06772e1e9b22a242973962ade2f73300b");

std::string element(int tag, const std::string& content) {
    return std::string{static_cast<char>(tag), static_cast<char>(content.size())} + content;
}

/// A certificate of version 1 with these times.
std::optional<std::int64_t> end_of(int tag, const std::string& not_after) {
    const std::string validity =
        element(0x30, element(0x17, "260101000000Z") + element(tag, not_after));
    const std::string text = element(
        0x30, element(0x30, element(0x02, "1") + element(0x30, "") + element(0x30, "") + validity));
    return certificate_end(std::as_bytes(std::span(text)));
}

TEST(CertificateEnd, IsReadFromACertificateWithOthersBehindIt) {
    Bytes chain = made_by_openssl;
    EXPECT_EQ(certificate_end(chain), 2111246907);
    chain.insert(chain.end(), made_by_openssl.begin(), made_by_openssl.end());
    EXPECT_EQ(certificate_end(chain), 2111246907);
}

TEST(CertificateEnd, BothKindsOfTimeAreRead) {
    EXPECT_EQ(end_of(0x17, "700101000000Z"), 0);
    EXPECT_EQ(end_of(0x17, "491231235959Z"), 2524607999);
    EXPECT_EQ(end_of(0x18, "20500101000000Z"), 2524608000);
    EXPECT_EQ(end_of(0x18, "99991231235959Z"), 253402300799);
}

TEST(CertificateEnd, WhatIsNoCertificateHasNone) {
    for (std::size_t size = 0; size < 120; ++size) {  // the times end behind byte 90
        if (size < made_by_openssl.size()) {
            EXPECT_FALSE(certificate_end(ByteView(made_by_openssl).first(size))) << size;
        }
    }
    for (const char* time :
         {"", "Z", "361325172827Z", "361125252827Z", "3611251728Z", "x61125172827Z"}) {
        EXPECT_FALSE(end_of(0x17, time)) << time;
    }
    EXPECT_FALSE(end_of(0x18, "361125172827Z"));
    EXPECT_FALSE(end_of(0x02, "361125172827Z"));
}

TEST(CertificateEnd, ADamagedByteLeadsToNothingOrToATime) {
    for (std::size_t at = 0; at < made_by_openssl.size(); ++at) {
        for (const int value : {0x00, 0x01, 0x7f, 0x80, 0x81, 0x83, 0x84, 0xff}) {
            Bytes damaged = made_by_openssl;
            damaged[at] = static_cast<std::byte>(value);
            if (const auto end = certificate_end(damaged)) {
                EXPECT_GT(*end, -632'000'000) << at;  // 1950, the first year that a UTCTime has
                EXPECT_LT(*end, 253'402'300'800) << at;
            }
        }
    }
}

}  // namespace
}  // namespace starling
