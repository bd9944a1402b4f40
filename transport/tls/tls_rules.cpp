#include "transport/tls/tls_rules.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "transport/tls/certificate.hpp"
#include "transport/tls/cipher_order.hpp"
#include "transport/tls/pem_blocks.hpp"
#include "transport/tls/tls_errors.hpp"
#include "transport/tls/trust_store.hpp"

namespace starling {
namespace {

using CertPtr = std::shared_ptr<X509>;

constexpr long chain_bytes_max = 32L * 1024;
/// OpenSSL's: 112 bits of security or more, so RSA from 2048 bits and SHA-256.
constexpr int security_level = 2;

/// Loads the key and checks that it belongs to the first certificate.
Result<void> use_key(SSL_CTX* context, const CertificateFiles& files,
                     const std::vector<CertPtr>& chain) {
    const Result<std::shared_ptr<EVP_PKEY>> key = read_private_key(files.key_flag, files.key);
    if (!key) {
        return key.error();
    }
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const bool fits = X509_check_private_key(chain[i].get(), key->get()) == 1;
        ERR_clear_error();
        if (!fits) {
            continue;
        }
        if (i > 0) {
            return file_error(files.cert_flag, files.cert,
                              "the node's own certificate must stand first, and stands in place " +
                                  std::to_string(i + 1));
        }
        if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) {
            return file_error(files.key_flag, files.key, "can't be used" + openssl_reason());
        }
        return {};
    }
    return file_error(files.key_flag, files.key,
                      "is not the key of " + files.cert_flag + " " + files.cert);
}

}  // namespace

Result<std::vector<CertPtr>> load_certificate(SSL_CTX* context, const CertificateFiles& files) {
    Result<PemBlocks> blocks = read_pem_file(files.cert_flag, files.cert);
    if (!blocks) {
        return blocks.error();
    }
    const std::vector<CertPtr>& chain = blocks->certificates;
    if (chain.empty()) {
        return file_error(files.cert_flag, files.cert, "is no certificate in PEM form");
    }
    const EVP_PKEY* key = X509_get0_pubkey(chain[0].get());
    const std::string fault = key == nullptr ? "its key is of an unknown kind" : key_fault(*key);
    if (!fault.empty()) {
        ERR_clear_error();
        return file_error(files.cert_flag, files.cert, fault);
    }
    if (SSL_CTX_use_certificate(context, chain[0].get()) != 1) {
        return file_error(files.cert_flag, files.cert, "can't be used" + openssl_reason());
    }
    for (std::size_t i = 1; i < chain.size(); ++i) {
        if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
            return file_error(files.cert_flag, files.cert,
                              "the certificate of the CA '" +
                                  name_text(*X509_get_subject_name(chain[i].get())) +
                                  "' in it can't be used" + openssl_reason());
        }
    }
    if (Result<void> used = use_key(context, files, chain); !used) {
        return used.error();
    }
    return chain;
}

void set_tls_rules(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    const bool suites = SSL_CTX_set_ciphersuites(context, cipher_order(cpu_has_aes())) == 1;
    STARLING_INVARIANT(suites, "OpenSSL offers the ciphers of TLS 1.3");
    // The accepting side chooses, except that it takes ChaCha20 if the dialler prefers it: that one
    // has no AES instructions.
    SSL_CTX_set_options(
        context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_TICKET);
    // No resumption: it would skip the check of the certificate's dates.
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // Saves 34 KiB per idle peer, at no measurable cost.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_security_level(context, security_level);
    SSL_CTX_set_verify_depth(context, chain_depth_max);
    SSL_CTX_set_max_cert_list(context, chain_bytes_max);
}

}  // namespace starling
