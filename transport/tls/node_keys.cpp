#include "transport/tls/node_keys.hpp"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "transport/tls/certificate.hpp"
#include "transport/tls/issuer.hpp"
#include "transport/tls/tls_errors.hpp"

namespace starling {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* octets(ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

ContextPtr new_context() { return {EVP_MD_CTX_new(), &EVP_MD_CTX_free}; }

/// \param digest  nullptr for Ed25519, which hashes itself.
Result<Bytes> sign_with(EVP_PKEY* key, const EVP_MD* digest, ByteView text) {
    const ContextPtr context = new_context();
    std::size_t size = 0;
    Bytes signature;
    bool good = context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                EVP_DigestSign(context.get(), nullptr, &size, octets(text), text.size()) == 1;
    if (good) {
        signature.resize(size);
        good = EVP_DigestSign(context.get(), octets(signature.data()), &size, octets(text),
                              text.size()) == 1;
        signature.resize(size);
    }
    if (!good) {
        return Error{Errc::io, "OpenSSL can't sign" + openssl_reason()};
    }
    return signature;
}

bool verify_with(EVP_PKEY* key, const EVP_MD* digest, ByteView text, ByteView signature) {
    const ContextPtr context = new_context();
    const bool good = context &&
                      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                      EVP_DigestVerify(context.get(), octets(signature), signature.size(),
                                       octets(text), text.size()) == 1;
    ERR_clear_error();
    return good;
}

class Ed25519Signer final : public NodeSigner {
public:
    Ed25519Signer(KeyPtr key, Credentials credentials)
        : key_(std::move(key)), credentials_(std::move(credentials)) {}
    const Credentials& credentials() const override { return credentials_; }
    Signature sign(ByteView text) const override {
        const Result<Bytes> made = sign_with(key_.get(), nullptr, text);
        STARLING_INVARIANT(made && made->size() == Signature{}.bytes.size(),
                           "a key that was made can sign");
        Signature signature;
        std::ranges::copy(*made, signature.bytes.begin());
        return signature;
    }

private:
    KeyPtr key_;
    Credentials credentials_;
};

class OpensslVerifier final : public NodeVerifier {
public:
    bool verify(const PublicKey& key, ByteView text, const Signature& signature) const override {
        const KeyPtr made(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(key.bytes),
                                                      key.bytes.size()),
                          &EVP_PKEY_free);
        ERR_clear_error();
        return made && verify_with(made.get(), nullptr, text, signature.bytes);
    }
    Result<void> endorsed(const NodeId& node, Role role,
                          const Credentials& credentials) const override;
};

Result<void> OpensslVerifier::endorsed(const NodeId& node, Role role,
                                       const Credentials& credentials) const {
    const unsigned char* at = octets(credentials.certificate);
    const CertPtr certificate(
        d2i_X509(nullptr, &at, static_cast<long>(credentials.certificate.size())), &X509_free);
    ERR_clear_error();
    if (!certificate) {
        return Error{Errc::refused, "what it shows as its certificate is none"};
    }
    const Result<Identity> identity = identity_of(*certificate);
    if (!identity) {
        return identity.error();
    }
    if (identity->name != node || identity->roles.count(role) == 0) {
        return Error{Errc::refused, "it shows a certificate of '" + identity->name.name +
                                        "' for roles " + role_list(identity->roles) +
                                        " and says that it is '" + node.name + "', a " +
                                        std::string(to_string(role))};
    }
    if (const Result<void> made = check_issuer(*certificate, credentials); !made) {
        return made;
    }
    if (!verify_with(X509_get0_pubkey(certificate.get()), EVP_sha256(),
                     endorsement_text(node, role, credentials.key), credentials.endorsement)) {
        return Error{Errc::refused,
                     "the holder of its certificate does not vouch for the key it signs with"};
    }
    return {};
}

BioPtr open_file(const std::string& file) { return {BIO_new_file(file.c_str(), "r"), &BIO_free}; }

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

}  // namespace

Result<std::shared_ptr<const NodeSigner>> make_node_signer(const IdentityFiles& files,
                                                           const NodeId& node, Role role) {
    const BioPtr cert_file = open_file(files.cert);
    const CertPtr certificate(
        cert_file ? PEM_read_bio_X509(cert_file.get(), nullptr, no_passphrase, nullptr) : nullptr,
        &X509_free);
    if (!certificate) {
        return Error{Errc::refused, "--cert " + files.cert + ": can't be read as a certificate" +
                                        openssl_reason()};
    }
    const BioPtr key_file = open_file(files.key);
    const KeyPtr vouching(
        key_file ? PEM_read_bio_PrivateKey(key_file.get(), nullptr, no_passphrase, nullptr)
                 : nullptr,
        &EVP_PKEY_free);
    if (!vouching) {
        return Error{Errc::refused,
                     "--key " + files.key + ": can't be read as a private key" + openssl_reason()};
    }
    KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
    Credentials credentials;
    std::size_t size = credentials.key.bytes.size();
    unsigned char* encoded = nullptr;
    const int length = i2d_X509(certificate.get(), &encoded);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> freed(
        encoded, [](unsigned char* bytes) { OPENSSL_free(bytes); });
    if (!key || length <= 0 ||
        EVP_PKEY_get_raw_public_key(key.get(), octets(credentials.key.bytes.data()), &size) != 1) {
        return Error{Errc::io, "OpenSSL can't make an Ed25519 key" + openssl_reason()};
    }
    const auto* der = reinterpret_cast<const std::byte*>(encoded);
    credentials.certificate.assign(der, der + length);
    Result<Bytes> endorsement =
        sign_with(vouching.get(), EVP_sha256(), endorsement_text(node, role, credentials.key));
    if (!endorsement) {
        return endorsement.error();
    }
    credentials.endorsement = std::move(*endorsement);
    if (credentials.certificate.size() > certificate_bytes_max ||
        credentials.endorsement.size() > endorsement_bytes_max) {
        return Error{Errc::refused, "--cert " + files.cert + ": is larger than " +
                                        std::to_string(certificate_bytes_max) + " bytes"};
    }
    if (const Result<void> added = add_issuer(files, role, credentials); !added) {
        return added.error();
    }
    return std::shared_ptr<const NodeSigner>(
        std::make_shared<Ed25519Signer>(std::move(key), std::move(credentials)));
}

std::shared_ptr<const NodeVerifier> make_node_verifier() {
    return std::make_shared<OpensslVerifier>();
}

}  // namespace starling
