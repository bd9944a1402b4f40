#include "transport/crypto/vector_gcm.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "core/base/random.hpp"

namespace starling::test {
namespace {

using Text = std::vector<unsigned char>;
using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
constexpr int tag_bytes = 16;

Text random_text(Random& random, std::size_t size) {
    Text text(size);
    for (unsigned char& byte : text) {
        byte = static_cast<unsigned char>(random.next());
    }
    return text;
}

/// What one message is encrypted under.
struct Keys {
    Text key;
    Text iv;
    Text additional;
};

class VectorGcm : public testing::Test {
protected:
    using Cipher = std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)>;

    void SetUp() override {
        if (vector_gcm_properties() == nullptr) {
            GTEST_SKIP() << vector_gcm_missing();
        }
    }
    static Cipher fetch(const char* properties) {
        return {EVP_CIPHER_fetch(nullptr, "AES-128-GCM", properties), &EVP_CIPHER_free};
    }
    static std::string_view provider_of(const Cipher& cipher) {
        return OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher.get()));
    }
    /// \param piece  bytes a call.
    static Text seal(const Cipher& cipher, const Keys& keys, const Text& plain, int piece) {
        const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
        Text sealed(plain.size() + tag_bytes);
        EXPECT_EQ(EVP_EncryptInit_ex2(context.get(), cipher.get(), keys.key.data(), keys.iv.data(),
                                      nullptr),
                  1);
        int count = 0;
        EXPECT_EQ(EVP_EncryptUpdate(context.get(), nullptr, &count, keys.additional.data(),
                                    static_cast<int>(keys.additional.size())),
                  1);
        for (std::size_t at = 0; at < plain.size(); at += static_cast<std::size_t>(piece)) {
            const int size = std::min(piece, static_cast<int>(plain.size() - at));
            EXPECT_EQ(EVP_EncryptUpdate(context.get(), sealed.data() + at, &count,
                                        plain.data() + at, size),
                      1);
            EXPECT_EQ(count, size);
        }
        EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), sealed.data() + plain.size(), &count), 1);
        EXPECT_EQ(count, 0);
        EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes,
                                      sealed.data() + plain.size()),
                  1);
        return sealed;
    }
    /// As TLS does.
    static Text seal_in_place(const Cipher& cipher, const Keys& keys, Text text) {
        const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
        const int size = static_cast<int>(text.size());
        text.resize(text.size() + tag_bytes);
        int count = 0;
        EXPECT_EQ(EVP_EncryptInit_ex2(context.get(), cipher.get(), keys.key.data(), keys.iv.data(),
                                      nullptr),
                  1);
        EXPECT_EQ(EVP_EncryptUpdate(context.get(), nullptr, &count, keys.additional.data(),
                                    static_cast<int>(keys.additional.size())),
                  1);
        EXPECT_EQ(EVP_EncryptUpdate(context.get(), text.data(), &count, text.data(), size), 1);
        EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), text.data() + size, &count), 1);
        EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes,
                                      text.data() + size),
                  1);
        return text;
    }
    /// In place, as TLS does. \return  whether the tag is right
    static bool open(const Cipher& cipher, const Keys& keys, Text& sealed) {
        const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
        const int size = static_cast<int>(sealed.size()) - tag_bytes;
        int count = 0;
        EXPECT_EQ(EVP_DecryptInit_ex2(context.get(), cipher.get(), keys.key.data(), keys.iv.data(),
                                      nullptr),
                  1);
        EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes,
                                      sealed.data() + size),
                  1);
        EXPECT_EQ(EVP_DecryptUpdate(context.get(), nullptr, &count, keys.additional.data(),
                                    static_cast<int>(keys.additional.size())),
                  1);
        EXPECT_EQ(EVP_DecryptUpdate(context.get(), sealed.data(), &count, sealed.data(), size), 1);
        const bool right = EVP_DecryptFinal_ex(context.get(), sealed.data() + size, &count) == 1;
        sealed.resize(static_cast<std::size_t>(size));
        return right;
    }
};

TEST_F(VectorGcm, ComputesWhatOpensslComputes) {
    const Cipher ours = fetch(vector_gcm_properties());
    const Cipher openssl = fetch("provider=default");
    ASSERT_NE(provider_of(ours), provider_of(openssl));
    Random random(7);
    for (const std::size_t size : {1U, 15U, 16U, 17U, 255U, 256U, 257U, 767U, 768U, 769U, 4096U,
                                   16'384U, 16'385U, 100'003U}) {
        for (const int piece : {static_cast<int>(size), 1000, 48}) {
            const Keys keys{random_text(random, 16), random_text(random, 12),
                            random_text(random, 5 + size % 40)};
            const Text plain = random_text(random, size);
            const Text sealed = seal(ours, keys, plain, piece);
            ASSERT_EQ(sealed, seal(openssl, keys, plain, static_cast<int>(size))) << size;
            Text opened = sealed;
            ASSERT_TRUE(open(ours, keys, opened)) << size;
            ASSERT_EQ(opened, plain) << size;
        }
    }
}

TEST_F(VectorGcm, EncryptsInPlaceAsOpensslDoes) {
    const Cipher ours = fetch(vector_gcm_properties());
    const Cipher openssl = fetch("provider=default");
    Random random(9);
    const auto expect_alike = [&](std::size_t size) {
        const Keys keys{random_text(random, 16), random_text(random, 12), random_text(random, 5)};
        const Text plain = random_text(random, size);
        ASSERT_EQ(seal_in_place(ours, keys, plain), seal_in_place(openssl, keys, plain)) << size;
    };
    for (std::size_t size = 0; size <= 1100; ++size) {  // borders of all its loops
        ASSERT_NO_FATAL_FAILURE(expect_alike(size));
    }
    for (std::size_t border : {2048U, 4096U, 8192U, 16'384U}) {
        for (std::size_t size = border - 17; size <= border + 17; ++size) {
            ASSERT_NO_FATAL_FAILURE(expect_alike(size));
        }
    }
}

TEST_F(VectorGcm, RefusesAMessageOfWhichOneBitHasChanged) {
    const Cipher ours = fetch(vector_gcm_properties());
    Random random(8);
    Keys keys{random_text(random, 16), random_text(random, 12), random_text(random, 5)};
    const Text sealed = seal(ours, keys, random_text(random, 1000), 1000);
    for (const std::size_t changed : {0U, 500U, 999U, 1000U, 1015U}) {
        Text other = sealed;
        other[changed] ^= 0x10U;
        EXPECT_FALSE(open(ours, keys, other)) << changed;
    }
    keys.additional[2] ^= 1U;
    Text other = sealed;
    EXPECT_FALSE(open(ours, keys, other));
}

TEST_F(VectorGcm, UsesNoIvTwice) {
    const Cipher ours = fetch(vector_gcm_properties());
    const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    const Text key(16);
    Text text(64);
    int count = 0;
    ASSERT_EQ(EVP_EncryptInit_ex2(context.get(), ours.get(), key.data(), key.data(), nullptr), 1);
    ASSERT_EQ(EVP_EncryptUpdate(context.get(), text.data(), &count, text.data(), 64), 1);
    ASSERT_EQ(EVP_EncryptFinal_ex(context.get(), text.data(), &count), 1);
    EXPECT_EQ(EVP_EncryptUpdate(context.get(), text.data(), &count, text.data(), 64), 0);
    EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), text.data(), &count), 0);
}

TEST_F(VectorGcm, LeavesOtherCodeOfTheProcessWithOpensslsOwn) {
    EXPECT_EQ(provider_of(fetch(nullptr)), "default");
    EXPECT_EQ(provider_of(fetch("")), "default");
}

}  // namespace
}  // namespace starling::test
