// Which CA issued a certificate. Every node sends the certificate of its CA with its credentials,
// since the ledger records the CA's fingerprint, and others must be able to check it without having
// that CA in their own --capath.
#include "transport/tls/issuer.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "transport/tls/tls_context.hpp"

namespace starling {
namespace {

/// `value` in DER by one of OpenSSL's encoders; empty: it failed.
template <typename Value>
Bytes der_of(int (*encode)(const Value*, unsigned char**), const Value* value) {
    unsigned char* encoded = nullptr;
    const int length = encode(value, &encoded);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> freed(
        encoded, [](unsigned char* bytes) { OPENSSL_free(bytes); });
    const auto* bytes = reinterpret_cast<const std::byte*>(encoded);
    return length <= 0 ? Bytes{} : Bytes(bytes, bytes + length);
}

bool issued(X509& authority, X509& certificate) {
    EVP_PKEY* key = X509_get0_pubkey(&authority);
    const bool good = key != nullptr && X509_check_issued(&authority, &certificate) == X509_V_OK &&
                      X509_verify(&certificate, key) == 1;
    ERR_clear_error();
    return good;
}

std::shared_ptr<X509> issuer_among(const STACK_OF(X509) * all, X509& certificate) {
    for (int i = 0; all != nullptr && i < sk_X509_num(all); ++i) {
        X509* one = sk_X509_value(all, i);
        if (issued(*one, certificate)) {
            X509_up_ref(one);
            return {one, &X509_free};
        }
    }
    return nullptr;
}

}  // namespace

CaFingerprint ca_fingerprint(const x509_st& authority) {
    const Bytes name = der_of(&i2d_X509_NAME, X509_get_subject_name(&authority));
    const Bytes key = der_of(&i2d_X509_PUBKEY, X509_get_X509_PUBKEY(&authority));
    Bytes both = name;
    both.insert(both.end(), key.begin(), key.end());
    CaFingerprint fingerprint;
    const bool hashed = EVP_Digest(both.data(), both.size(),
                                   reinterpret_cast<unsigned char*>(fingerprint.bytes.data()),
                                   nullptr, EVP_sha256(), nullptr) == 1;
    STARLING_INVARIANT(hashed, "OpenSSL has SHA-256");
    return fingerprint;
}

CaFingerprint ca_of_chain(const stack_st_X509* verified) {
    const int count = verified == nullptr ? 0 : sk_X509_num(verified);
    // A chain of one is a self-signed certificate that is trusted itself.
    const int issuer = count > 1 ? 1 : 0;
    return count == 0 ? CaFingerprint{} : ca_fingerprint(*sk_X509_value(verified, issuer));
}

std::shared_ptr<X509> own_issuer(const ssl_ctx_st* context) {
    X509* own = SSL_CTX_get0_certificate(context);
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get_extra_chain_certs(const_cast<SSL_CTX*>(context), &chain);
    if (std::shared_ptr<X509> found = issuer_among(chain, *own)) {
        return found;
    }
    const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> trusted(
        X509_STORE_get1_all_certs(SSL_CTX_get_cert_store(context)),
        [](STACK_OF(X509) * all) { sk_X509_pop_free(all, X509_free); });
    return issuer_among(trusted.get(), *own);
}

Result<void> add_issuer(const IdentityFiles& files, Role role, Credentials& credentials) {
    const Result<TlsContext> context = TlsContext::load_for(files, role, {});
    if (!context) {
        return context.error();
    }
    const std::shared_ptr<X509> issuer = own_issuer(context->handle());
    if (!issuer) {
        return Error{Errc::refused,
                     "--cert " + files.cert +
                         ": the certificate of the CA that made it is neither behind it in this "
                         "file nor in --capath or --cacert: put it there, others ask for it"};
    }
    credentials.issuer = der_of(&i2d_X509, static_cast<const X509*>(issuer.get()));
    credentials.ca = ca_fingerprint(*issuer);
    if (credentials.issuer->size() > certificate_bytes_max) {
        return Error{Errc::refused, "the certificate of the CA that made --cert " + files.cert +
                                        " is larger than " + std::to_string(certificate_bytes_max) +
                                        " bytes"};
    }
    return {};
}

Result<void> check_issuer(x509_st& certificate, const Credentials& credentials) {
    const auto* at = reinterpret_cast<const unsigned char*>(credentials.issuer->data());
    const auto* end = at + credentials.issuer->size();
    const std::unique_ptr<X509, decltype(&X509_free)> issuer(
        d2i_X509(nullptr, &at, static_cast<long>(credentials.issuer->size())), &X509_free);
    ERR_clear_error();
    if (!issuer || at != end) {
        return Error{Errc::refused, "what it sent as its CA certificate is not one"};
    }
    if (!issued(*issuer, certificate)) {
        return Error{Errc::refused, "the CA that it names did not make its certificate"};
    }
    if (ca_fingerprint(*issuer) != credentials.ca) {
        return Error{Errc::refused, "the CA that made its certificate is " +
                                        to_string(ca_fingerprint(*issuer)) +
                                        ", and it says that it is " + to_string(credentials.ca)};
    }
    return {};
}

}  // namespace starling
