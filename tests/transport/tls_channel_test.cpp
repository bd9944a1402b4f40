#include "transport/tls/tls_channel.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/transport/tls_support.hpp"
#include "transport/crypto/vector_gcm.hpp"
#include "transport/tls/cipher_order.hpp"

namespace starling::test {
namespace {

void count_key_updates(int /*sent*/, int /*version*/, int kind, const void* bytes,
                       std::size_t count, SSL* /*ssl*/, void* counter) {
    if (kind == SSL3_RT_HANDSHAKE && count > 0 &&
        *static_cast<const unsigned char*>(bytes) == SSL3_MT_KEY_UPDATE) {
        ++*static_cast<int*>(counter);
    }
}

/// A channel of ours that accepts, and OpenSSL itself that dials, without sockets.
class TlsChannelTest : public testing::Test {
protected:
    void connect(const char* suites, std::uint64_t key_records_max = records_per_key) {
        ASSERT_NO_FATAL_FAILURE(secure(suites, key_records_max));
        channel->expect_bulk();
    }
    /// Up to the handshake's end.
    void secure(const char* suites, std::uint64_t key_records_max = records_per_key) {
        Result<TlsContext> loaded =
            TlsContext::load_for(authority.issue("sl1", {Role::sl}), Role::sl, {});
        ASSERT_TRUE(loaded);
        context.emplace(std::move(*loaded));
        channel = make_tls_channel(*context, TlsSide::accepts, "", key_records_max);
        const IdentityFiles identity = authority.issue("sl2", {Role::sl});
        const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> raw_context(
            SSL_CTX_new(TLS_method()), &SSL_CTX_free);
        ASSERT_EQ(SSL_CTX_use_certificate_chain_file(raw_context.get(), identity.cert.c_str()), 1);
        ASSERT_EQ(
            SSL_CTX_use_PrivateKey_file(raw_context.get(), identity.key.c_str(), SSL_FILETYPE_PEM),
            1);
        ASSERT_EQ(SSL_CTX_set_ciphersuites(raw_context.get(), suites), 1);
        raw.reset(SSL_new(raw_context.get()));
        SSL_set_bio(raw.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_msg_callback(raw.get(), &count_key_updates);
        SSL_set_msg_callback_arg(raw.get(), &key_updates);
        SSL_set_connect_state(raw.get());
        bool done = false;
        for (int turn = 0; turn < 8 && !done; ++turn) {
            SSL_do_handshake(raw.get());
            to_channel();
            const Result<bool> step = channel->handshake();
            ASSERT_TRUE(step);
            done = *step;
            to_raw();
        }
        ASSERT_TRUE(done);
    }

    /// Moves what OpenSSL has to send, as far as it fits.
    std::size_t to_channel() {
        const std::span<std::byte> space = channel->receive_space();
        const int count =
            BIO_read(SSL_get_wbio(raw.get()), space.data(), static_cast<int>(space.size()));
        channel->received(static_cast<std::size_t>(std::max(count, 0)));
        return space.size();
    }
    void to_raw() {
        if (channel->pending() > 0) {
            for (const ByteView part : channel->take()) {
                BIO_write(SSL_get_rbio(raw.get()), part.data(), static_cast<int>(part.size()));
            }
        }
    }

    Folder folder;
    Authority authority{folder, "host-1"};
    std::optional<TlsContext> context;
    std::unique_ptr<Channel> channel;
    std::unique_ptr<SSL, decltype(&SSL_free)> raw{nullptr, &SSL_free};
    int key_updates = 0;
};

constexpr const char* aes_256_first =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr const char* chacha_first =
    "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";

TEST_F(TlsChannelTest, Aes128IsTakenWhereTheCpuHasAes) {
    ASSERT_NO_FATAL_FAILURE(connect(aes_256_first));
    EXPECT_STREQ(SSL_get_cipher_name(raw.get()),
                 cpu_has_aes() ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_F(TlsChannelTest, AConnectionEncryptsByVectorInstructions) {
    if (vector_gcm_properties() == nullptr) {
        GTEST_SKIP() << vector_gcm_missing();
    }
    const std::uint64_t before = vector_gcm_keys();
    ASSERT_NO_FATAL_FAILURE(connect(aes_256_first));
    // One for each direction of the handshake, and of what follows it. The peer is OpenSSL alone.
    EXPECT_GE(vector_gcm_keys(), before + 4);
}

TEST_F(TlsChannelTest, APeerWithoutAesGetsChaCha20) {
    ASSERT_NO_FATAL_FAILURE(connect(chacha_first));
    EXPECT_STREQ(SSL_get_cipher_name(raw.get()), "TLS_CHACHA20_POLY1305_SHA256");
    EXPECT_EQ(std::string(cipher_order(false)).find("TLS_CHACHA20"), 0U);
    EXPECT_EQ(std::string(cipher_order(true)).find("TLS_AES_128"), 0U);
}

TEST_F(TlsChannelTest, AKeyIsReplacedAfterSoManyRecords) {
    ASSERT_NO_FATAL_FAILURE(connect(aes_256_first, 10));
    const Blob piece(Bytes(std::size_t{64} * 1024, std::byte{7}));  // four records
    std::vector<std::byte> came(piece.size());
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(channel->write(piece, 0, piece.size()));
        to_raw();
        std::size_t here = 0;
        std::size_t count = 0;
        while (here < came.size() &&
               SSL_read_ex(raw.get(), came.data() + here, came.size() - here, &count) == 1) {
            here += count;
        }
        ASSERT_EQ(here, piece.size());
        EXPECT_TRUE(std::equal(came.begin(), came.end(), piece.view().begin()));
    }
    EXPECT_GE(key_updates, 5);
    EXPECT_LE(key_updates, 10);
}

TEST_F(TlsChannelTest, APeerThatIsNotAcceptedYetIsReadRecordByRecord) {
    ASSERT_NO_FATAL_FAILURE(secure(aes_256_first));
    EXPECT_EQ(to_channel(), receive_first_bytes);
    channel->expect_bulk();
    EXPECT_EQ(to_channel(), receive_batch_bytes);
}

TEST_F(TlsChannelTest, WhatIsNotReadYetOutlivesWhatOtherConnectionsReceive) {
    ASSERT_NO_FATAL_FAILURE(connect(aes_256_first));
    std::vector<std::byte> sent(receive_batch_bytes / 2);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        sent[i] = static_cast<std::byte>(i * 167 + i / 256);
    }
    std::size_t written = 0;
    ASSERT_EQ(SSL_write_ex(raw.get(), sent.data(), sent.size(), &written), 1);
    to_channel();
    std::vector<std::byte> came(sent.size());
    const Result<std::size_t> first = channel->read(came);  // a record; then the session pauses
    ASSERT_TRUE(first);
    ASSERT_LT(*first, sent.size());
    channel->keep_unread();

    const std::unique_ptr<Channel> other = make_tls_channel(*context, TlsSide::accepts, "");
    other->expect_bulk();
    const std::span<std::byte> space = other->receive_space();
    std::fill(space.begin(), space.end(), std::byte{0xFF});

    std::size_t here = *first;
    while (here < came.size()) {
        const Result<std::size_t> count = channel->read(std::span(came).subspan(here));
        ASSERT_TRUE(count);
        ASSERT_GT(*count, 0U);
        here += *count;
    }
    EXPECT_EQ(came, sent);
    to_channel();  // there is room again
}

}  // namespace
}  // namespace starling::test
