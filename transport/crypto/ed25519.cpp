// Ed25519 (RFC 8032) by OpenSSL, with keys as PEM text. Keys of other types are rejected, so that a
// file can't choose the algorithm.
//
// OpenSSL queues errors per thread, and TLS sessions read that queue: each function empties it.
#include "transport/crypto/ed25519.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace starling {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::size_t signature_bytes = 64;

BioPtr bio_over(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

const unsigned char* octets(ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// Takes ownership of `read`; nullptr if it is not an Ed25519 key.
KeyPtr accept(EVP_PKEY* read) {
    KeyPtr key(read, &EVP_PKEY_free);
    ERR_clear_error();
    if (key && EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
        key.reset();
    }
    return key;
}

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

class Verifier final : public SignatureVerifier {
public:
    explicit Verifier(KeyPtr key) : key_(std::move(key)) {}

    bool verify(ByteView message, ByteView signature) const override {
        const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        const bool good =
            context &&
            EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
            EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                             message.size()) == 1;
        ERR_clear_error();
        return good;
    }

private:
    KeyPtr key_;
};

}  // namespace

Result<SigningKeys> make_signing_keys() {
    const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
    const BioPtr secret(BIO_new(BIO_s_mem()), &BIO_free);
    const BioPtr open(BIO_new(BIO_s_mem()), &BIO_free);
    if (!key || !secret || !open ||
        PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
            1 ||
        PEM_write_bio_PUBKEY(open.get(), key.get()) != 1) {
        ERR_clear_error();
        return Error{Errc::io, "OpenSSL can't make an Ed25519 key"};
    }
    return SigningKeys{text_of(secret.get()), text_of(open.get())};
}

Result<Bytes> sign(const std::string& private_pem, ByteView message) {
    const BioPtr bio = bio_over(private_pem);
    const KeyPtr key = accept(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (!key) {
        return Error{Errc::malformed, "it is no private Ed25519 key in PEM form"};
    }
    Bytes signature(signature_bytes);
    std::size_t size = signature.size();
    const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       octets(message), message.size()) != 1) {
        ERR_clear_error();
        return Error{Errc::io, "OpenSSL can't sign"};
    }
    return signature;
}

Result<std::unique_ptr<SignatureVerifier>> make_verifier(const std::string& public_pem) {
    const BioPtr bio = bio_over(public_pem);
    KeyPtr key = accept(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
    if (!key) {
        return Error{Errc::malformed, "it is no public Ed25519 key in PEM form"};
    }
    return std::unique_ptr<SignatureVerifier>(std::make_unique<Verifier>(std::move(key)));
}

}  // namespace starling
