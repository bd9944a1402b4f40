// Ledger entries and reports are signed with a key that each start of a node generates. The key of
// the certificate endorses it once: so entries have signatures of 64 bytes whatever the
// certificate's algorithm, and the key can't be copied from a file. What a verifier concludes:
// endorsed key -> certificate -> name, role and CA.
#include "transport/tls/node_keys.hpp"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "transport/crypto/sodium_ed25519.hpp"
#include "transport/tls/certificate.hpp"
#include "transport/tls/issuer.hpp"
#include "transport/tls/pem_blocks.hpp"
#include "transport/tls/tls_errors.hpp"

namespace starling {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* octets(ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

ContextPtr new_context() { return {EVP_MD_CTX_new(), &EVP_MD_CTX_free}; }

/// \param digest  nullptr for Ed25519 and Ed448, which hash by themselves.
/// \return  nullptr: the key can't sign so
ContextPtr signing_context(EVP_PKEY* key, const EVP_MD* digest) {
    ContextPtr context = new_context();
    if (context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1) {
        context.reset();
    }
    return context;
}

/// \param prepared  by signing_context(); a copy signs, since a context signs once.
Result<Bytes> sign_with(const ContextPtr& prepared, ByteView text) {
    const ContextPtr context = new_context();
    std::size_t size = 0;
    Bytes signature;
    bool good = prepared && context && EVP_MD_CTX_copy_ex(context.get(), prepared.get()) == 1 &&
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

/// The digest with which the key of a certificate signs: SHA-256, or the only one that it permits.
const EVP_MD* endorsing_digest(EVP_PKEY* key) {
    constexpr int no_other = 2;
    char name[64] = "";
    if (EVP_PKEY_get_default_digest_name(key, name, sizeof name) != no_other) {
        ERR_clear_error();
        return EVP_sha256();
    }
    return EVP_get_digestbyname(name);  // nullptr for "" and "UNDEF"
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
    Ed25519Signer(EVP_PKEY* key, Credentials credentials)
        : prepared_(signing_context(key, nullptr)), credentials_(std::move(credentials)) {
        const PublicKey& open = credentials_.key;
        std::size_t size = secret_.size() - open.bytes.size();
        if (EVP_PKEY_get_raw_private_key(key, octets(secret_.data()), &size) == 1) {
            std::ranges::copy(open.bytes, secret_.end() - open.bytes.size());
            sodium_ = SodiumEd25519::find();
        }
    }
    Ed25519Signer(const Ed25519Signer&) = delete;
    Ed25519Signer& operator=(const Ed25519Signer&) = delete;
    ~Ed25519Signer() override { OPENSSL_cleanse(secret_.data(), secret_.size()); }

    const Credentials& credentials() const override { return credentials_; }
    Signature sign(ByteView text) const override {
        if (sodium_ != nullptr) {
            return sodium_->sign(secret_, text);
        }
        const Result<Bytes> made = sign_with(prepared_, text);
        STARLING_INVARIANT(made && made->size() == Signature{}.bytes.size(),
                           "a key that was made can sign");
        Signature signature;
        std::ranges::copy(*made, signature.bytes.begin());
        return signature;
    }

private:
    ContextPtr prepared_;  ///< to prepare it takes as long as to sign
    Credentials credentials_;
    Ed25519Secret secret_{};
    const SodiumEd25519* sodium_ = nullptr;
};

class OpensslVerifier final : public NodeVerifier {
public:
    /// What all nodes have to agree on is OpenSSL's verdict, whatever is installed.
    bool verify(const PublicKey& key, ByteView text, const Signature& signature) const override {
        const SodiumEd25519* const sodium = SodiumEd25519::find();
        if (sodium != nullptr && sodium->accepts(key, text, signature)) {
            return true;
        }
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
    const Result<std::vector<std::shared_ptr<X509>>> chain = decode_chain(*credentials.certificate);
    if (!chain) {
        return chain.error();
    }
    const Result<Identity> identity = identity_of(*chain->front());
    if (!identity) {
        return identity.error();
    }
    EVP_PKEY* vouching = X509_get0_pubkey(chain->front().get());
    if (identity->name != node || identity->roles.count(role) == 0) {
        return Error{Errc::refused, "it shows a certificate of '" + identity->name.name +
                                        "' for roles " + role_list(identity->roles) +
                                        " and says that it is '" + node.name + "', a " +
                                        std::string(to_string(role))};
    }
    if (const Result<void> made = check_issuer(*chain->front(), credentials); !made) {
        return made;
    }
    if (vouching == nullptr ||
        !verify_with(vouching, endorsing_digest(vouching),
                     endorsement_text(node, role, credentials.key), *credentials.endorsement)) {
        return Error{Errc::refused,
                     "its signing key is not certified by the holder of its certificate"};
    }
    return {};
}

/// The certificates of a file that others need to verify the first: no root, which they have.
std::vector<std::shared_ptr<X509>> to_show(std::vector<std::shared_ptr<X509>> chain) {
    std::erase_if(chain, [&](const std::shared_ptr<X509>& one) {
        return one != chain.front() && (X509_get_extension_flags(one.get()) & EXFLAG_SS) != 0;
    });
    return chain;
}

}  // namespace

Result<std::shared_ptr<const NodeSigner>> make_node_signer(const IdentityFiles& files,
                                                           const NodeId& node, Role role) {
    Result<PemBlocks> blocks = read_pem_file("--cert", files.cert);
    if (!blocks) {
        return blocks.error();
    }
    if (blocks->certificates.empty()) {
        return file_error("--cert", files.cert, "is no certificate in PEM form");
    }
    const Result<std::shared_ptr<EVP_PKEY>> vouching = read_private_key("--key", files.key);
    if (!vouching) {
        return vouching.error();
    }
    KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
    Credentials credentials;
    std::size_t size = credentials.key.bytes.size();
    if (!key ||
        EVP_PKEY_get_raw_public_key(key.get(), octets(credentials.key.bytes.data()), &size) != 1) {
        return Error{Errc::io, "OpenSSL can't make an Ed25519 key" + openssl_reason()};
    }
    credentials.certificate = encode_chain(to_show(std::move(blocks->certificates)));
    Result<Bytes> endorsement =
        sign_with(signing_context(vouching->get(), endorsing_digest(vouching->get())),
                  endorsement_text(node, role, credentials.key));
    if (!endorsement) {
        return Error{endorsement.error().code,
                     "--key " + files.key + ": " + endorsement.error().message};
    }
    credentials.endorsement = std::move(*endorsement);
    if (credentials.certificate->size() > certificate_bytes_max ||
        credentials.endorsement->size() > endorsement_bytes_max) {
        return file_error("--cert", files.cert,
                          "its certificates take more than " +
                              std::to_string(certificate_bytes_max) +
                              " bytes: leave in it the node's own and its intermediate CAs only");
    }
    if (const Result<void> added = add_issuer(files, role, credentials); !added) {
        return added.error();
    }
    return std::shared_ptr<const NodeSigner>(
        std::make_shared<Ed25519Signer>(key.get(), std::move(credentials)));
}

std::shared_ptr<const NodeVerifier> make_node_verifier() {
    return std::make_shared<OpensslVerifier>();
}

}  // namespace starling
