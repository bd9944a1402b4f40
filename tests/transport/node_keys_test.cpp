#include "transport/tls/node_keys.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "tests/transport/tls_support.hpp"
#include "transport/crypto/sodium_ed25519.hpp"

namespace starling::test {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* octets(const std::byte* bytes) {
    return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* octets(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

class NodeKeys : public testing::Test {
protected:
    std::shared_ptr<const NodeSigner> signer_of(const std::string& name, Role role) {
        const Result<std::shared_ptr<const NodeSigner>> signer =
            make_node_signer(authority.issue(name, {role}), {name}, role);
        EXPECT_TRUE(signer) << signer.error().message;
        return *signer;
    }
    std::string refusal(const NodeId& node, Role role, const Credentials& credentials) const {
        const Result<void> endorsed = verifier->endorsed(node, role, credentials);
        return endorsed ? "accepted" : endorsed.error().message;
    }

    Folder folder;
    Authority authority{folder, "host-1"};
    std::shared_ptr<const NodeVerifier> verifier = make_node_verifier();
    Bytes text = Bytes(1000, std::byte{7});
};

TEST_F(NodeKeys, ASignatureIsValidForItsKeyAndTextOnly) {
    const auto one = signer_of("sl1", Role::sl);
    const auto two = signer_of("sl2", Role::sl);
    Signature signature = one->sign(text);
    EXPECT_TRUE(verifier->verify(one->credentials().key, text, signature));
    EXPECT_FALSE(verifier->verify(two->credentials().key, text, signature));
    text[999] = std::byte{8};
    EXPECT_FALSE(verifier->verify(one->credentials().key, text, signature));
    text[999] = std::byte{7};
    signature.bytes[63] ^= std::byte{1};
    EXPECT_FALSE(verifier->verify(one->credentials().key, text, signature));
    EXPECT_FALSE(verifier->verify(PublicKey{}, text, signature));
}

TEST_F(NodeKeys, OneSignerSignsManyTexts) {
    const auto one = signer_of("sl1", Role::sl);
    const Signature first = one->sign(text);
    text[0] = std::byte{1};
    const Signature second = one->sign(text);
    EXPECT_TRUE(verifier->verify(one->credentials().key, text, second));
    text[0] = std::byte{7};
    EXPECT_TRUE(verifier->verify(one->credentials().key, text, first));
    EXPECT_FALSE(verifier->verify(one->credentials().key, text, second));
    EXPECT_EQ(one->sign(text), first);
}

TEST_F(NodeKeys, LibsodiumSignsAsOpensslDoes) {
    const SodiumEd25519* const sodium = SodiumEd25519::find();
    if (sodium == nullptr) {
        GTEST_SKIP() << "libsodium is not installed";
    }
    for (std::size_t size = 0; size < 300; size += 23) {
        const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
        PublicKey open;
        Ed25519Secret secret{};
        std::size_t count = open.bytes.size();
        EVP_PKEY_get_raw_public_key(key.get(), octets(open.bytes.data()), &count);
        EVP_PKEY_get_raw_private_key(key.get(), octets(secret.data()), &count);
        std::ranges::copy(open.bytes, secret.begin() + 32);
        const ByteView part = ByteView(text).first(size);
        Signature signature;
        const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        count = signature.bytes.size();
        ASSERT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
        ASSERT_EQ(EVP_DigestSign(context.get(), octets(signature.bytes.data()), &count,
                                 octets(part.data()), part.size()),
                  1);
        EXPECT_EQ(sodium->sign(secret, part), signature) << size;
        EXPECT_TRUE(sodium->accepts(open, part, signature)) << size;
        signature.bytes[size % 64] ^= std::byte{1};
        EXPECT_FALSE(sodium->accepts(open, part, signature)) << size;
    }
}

/// With the neutral element for a key, R = B and s = 1 sign every text.
TEST_F(NodeKeys, OpensslDecidesAboutWhatLibsodiumRefuses) {
    PublicKey neutral;
    neutral.bytes[0] = std::byte{1};
    Signature signature;
    signature.bytes.fill(std::byte{0x66});
    signature.bytes[0] = std::byte{0x58};
    std::ranges::fill_n(signature.bytes.begin() + 32, 32, std::byte{0});
    signature.bytes[32] = std::byte{1};
    EXPECT_TRUE(verifier->verify(neutral, text, signature));
    if (const SodiumEd25519* const sodium = SodiumEd25519::find()) {
        EXPECT_FALSE(sodium->accepts(neutral, text, signature));
    }
}

TEST_F(NodeKeys, EachStartHasAKeyOfItsOwn) {
    EXPECT_NE(signer_of("sl1", Role::sl)->credentials().key,
              signer_of("sl1", Role::sl)->credentials().key);
}

TEST_F(NodeKeys, TheCertificateProvesNameRoleAndKey) {
    const auto one = signer_of("sl1", Role::sl);
    const Credentials good = one->credentials();
    EXPECT_EQ(refusal({"sl1"}, Role::sl, good), "accepted");
    EXPECT_NE(refusal({"sl2"}, Role::sl, good).find("a certificate of 'sl1'"), std::string::npos);
    EXPECT_NE(refusal({"sl1"}, Role::sn, good).find("for roles sl"), std::string::npos);

    Credentials other = good;
    other.key = signer_of("sl1", Role::sl)->credentials().key;
    EXPECT_NE(refusal({"sl1"}, Role::sl, other).find("not certified by"), std::string::npos);
    other = good;
    other.certificate = signer_of("sl1", Role::sl)->credentials().certificate;
    EXPECT_NE(refusal({"sl1"}, Role::sl, other).find("not certified by"), std::string::npos);
}

TEST_F(NodeKeys, DamagedCredentialsAreRefused) {
    const Credentials good = signer_of("sl1", Role::sl)->credentials();
    for (std::size_t size = 0; size < good.certificate->size(); size += 7) {
        Credentials cut = good;
        cut.certificate.change().resize(size);
        EXPECT_NE(refusal({"sl1"}, Role::sl, cut), "accepted") << size;
    }
    for (std::size_t at = 0; at < good.endorsement->size(); ++at) {
        Credentials flipped = good;
        flipped.endorsement.change()[at] ^= std::byte{4};
        EXPECT_NE(refusal({"sl1"}, Role::sl, flipped), "accepted") << at;
    }
    EXPECT_NE(refusal({"sl1"}, Role::sl, {}), "accepted");
}

TEST_F(NodeKeys, UnusableFilesAreNamed) {
    IdentityFiles files = authority.issue("sl1", {Role::sl});
    files.key = folder.file("nowhere.pem");
    const auto signer = make_node_signer(files, {"sl1"}, Role::sl);
    ASSERT_FALSE(signer);
    EXPECT_EQ(signer.error().code, Errc::refused);
    EXPECT_NE(signer.error().message.find("--key " + files.key), std::string::npos);
}

}  // namespace
}  // namespace starling::test
