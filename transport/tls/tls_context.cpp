#include "transport/tls/tls_context.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "transport/tls/certificate.hpp"
#include "transport/tls/issuer.hpp"
#include "transport/tls/tls_errors.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr int chain_depth_max = 4;
constexpr int days_warned = 14;
constexpr long chain_bytes_max = 32L * 1024;

Error at_fault(const std::string& flag, const std::string& file, const std::string& what) {
    return Error{Errc::refused, flag + " " + file + ": " + what};
}

Result<void> check_readable(const std::string& flag, const std::string& file,
                            const std::string& environment) {
    if (file.empty()) {
        return Error{Errc::refused, flag + " is missing (or " + environment +
                                        " in the environment): nodes talk over mutual TLS only"};
    }
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_file(file.c_str(), "r"), &BIO_free);
    if (!bio) {
        const std::error_code why(errno, std::generic_category());
        ERR_clear_error();
        return at_fault(flag, file, "can't be read: " + why.message());
    }
    return {};
}

using InfoStack = std::unique_ptr<STACK_OF(X509_INFO), void (*)(STACK_OF(X509_INFO)*)>;

/// All PEM blocks of a file.
InfoStack read_blocks(BIO* bio) {
    return {PEM_X509_INFO_read_bio(bio, nullptr, nullptr, nullptr),
            [](STACK_OF(X509_INFO) * all) { sk_X509_INFO_pop_free(all, X509_INFO_free); }};
}

/// A list that should have been followed by a newer one goes on being used: a swarm does not stop
/// because an operator is late, but is told.
void look_at_list(const X509_CRL& list, const std::string& file,
                  std::vector<std::string>& warnings) {
    const ASN1_TIME* next = X509_CRL_get0_nextUpdate(&list);
    if (next != nullptr && X509_cmp_current_time(next) < 0) {
        warnings.push_back("the revocation list " + file + " is out of date since " +
                           date_text(next) +
                           "; it is still used: renew it where its CA is (gen-cert --crl)");
    }
}

/// Adds every certificate of a file to whom we trust, and every revocation list.
Result<void> add_authorities(X509_STORE* store, const std::string& flag, const std::string& file,
                             std::vector<std::string>& warnings, int& trusted) {
    if (Result<void> readable = check_readable(flag, file, "SWARM_ID_CACERT"); !readable) {
        return readable;
    }
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_file(file.c_str(), "r"), &BIO_free);
    const InfoStack blocks = read_blocks(bio.get());
    int count = 0;
    for (int i = 0; blocks && i < sk_X509_INFO_num(blocks.get()); ++i) {
        const X509_INFO& block = *sk_X509_INFO_value(blocks.get(), i);
        if (block.x509 != nullptr) {
            X509_STORE_add_cert(store, block.x509);
            ++trusted;
            ++count;
        }
        if (block.crl != nullptr) {
            X509_STORE_add_crl(store, block.crl);
            X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
            look_at_list(*block.crl, file, warnings);
            ++count;
        }
    }
    ERR_clear_error();
    if (count == 0) {
        return at_fault(flag, file, "holds no certificate and no revocation list in PEM form");
    }
    return {};
}

Result<void> add_authority_directory(X509_STORE* store, const std::string& directory,
                                     std::vector<std::string>& warnings, int& trusted) {
    std::error_code failed;
    std::vector<std::string> files;
    for (fs::directory_iterator at(directory, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (at->path().extension() == ".pem") {
            files.push_back(at->path().string());
        }
    }
    if (failed) {
        return at_fault("--capath", directory, "can't be read: " + failed.message());
    }
    if (files.empty()) {
        return at_fault("--capath", directory,
                        "holds no *.pem file: put the CA certificate of every host there");
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
        if (Result<void> added = add_authorities(store, "--capath", file, warnings, trusted);
            !added) {
            return added;
        }
    }
    return {};
}

Result<void> load_own(SSL_CTX* context, const IdentityFiles& files) {
    if (Result<void> readable = check_readable("--cert", files.cert, "SWARM_ID_CERT"); !readable) {
        return readable;
    }
    if (Result<void> readable = check_readable("--key", files.key, "SWARM_ID_KEY"); !readable) {
        return readable;
    }
    if (SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) != 1) {
        return at_fault("--cert", files.cert, "is no certificate in PEM form" + openssl_reason());
    }
    // Without this OpenSSL asks at the terminal.
    SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const unsigned long why = ERR_peek_last_error();
        if (ERR_GET_LIB(why) == ERR_LIB_X509 && ERR_GET_REASON(why) == X509_R_KEY_VALUES_MISMATCH) {
            ERR_clear_error();
            return at_fault("--key", files.key, "is not the key of --cert " + files.cert);
        }
        return at_fault("--key", files.key,
                        "is no private key in PEM form without a passphrase" + openssl_reason());
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        ERR_clear_error();
        return at_fault("--key", files.key, "is not the key of --cert " + files.cert);
    }
    return {};
}

/// A CA without a revocation list has revoked nothing; one whose list is late: see look_at_list.
int judge(int accepted, X509_STORE_CTX* check) {
    const int error = X509_STORE_CTX_get_error(check);
    if (accepted != 1 &&
        (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED)) {
        X509_STORE_CTX_set_error(check, X509_V_OK);
        return 1;
    }
    return accepted;
}

void set_rules(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    // AES-128 first: 3 % faster than AES-256 on one connection, and no weaker in practice.
    const bool suites = SSL_CTX_set_ciphersuites(context,
                                                 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                                 "TLS_CHACHA20_POLY1305_SHA256") == 1;
    STARLING_INVARIANT(suites, "OpenSSL offers the ciphers of TLS 1.3");
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
    // A session that is resumed would skip the look at the certificate's dates.
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // OpenSSL then also demands serverAuth of who accepts and clientAuth of who dials.
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, judge);
    SSL_CTX_set_verify_depth(context, chain_depth_max);
    SSL_CTX_set_max_cert_list(context, chain_bytes_max);
}

}  // namespace

Result<TlsContext> TlsContext::load(const IdentityFiles& files) {
    TlsContext loaded;
    loaded.context_ = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_method()), &SSL_CTX_free);
    STARLING_INVARIANT(loaded.context_, "OpenSSL has TLS");
    SSL_CTX* context = loaded.context_.get();
    set_rules(context);
    if (Result<void> own = load_own(context, files); !own) {
        return own.error();
    }
    if (files.ca_path.empty() && files.ca_file.empty()) {
        return Error{Errc::refused,
                     "--capath or --cacert is missing: without CA certificates no peer can prove "
                     "who it is"};
    }
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    int trusted = 0;
    if (!files.ca_path.empty()) {
        if (Result<void> added =
                add_authority_directory(store, files.ca_path, loaded.warnings_, trusted);
            !added) {
            return added.error();
        }
    }
    if (!files.ca_file.empty()) {
        if (Result<void> added =
                add_authorities(store, "--cacert", files.ca_file, loaded.warnings_, trusted);
            !added) {
            return added.error();
        }
    }
    if (trusted == 0) {
        return at_fault(files.ca_path.empty() ? "--cacert" : "--capath",
                        files.ca_path.empty() ? files.ca_file : files.ca_path,
                        "holds revocation lists only, and no CA certificate");
    }
    const X509& own = *SSL_CTX_get0_certificate(context);
    loaded.summary_ =
        "serial " + serial_text(own) + ", valid until " + date_text(X509_get0_notAfter(&own));
    if (days_left(own) < days_warned) {
        loaded.warnings_.push_back("the certificate " + files.cert + " ends on " +
                                   date_text(X509_get0_notAfter(&own)) +
                                   ": make a new one (gen-cert --renew); it is read without a "
                                   "restart");
    }
    Result<Identity> identity = identity_of(own);
    if (!identity) {
        return at_fault("--cert", files.cert, identity.error().message);
    }
    loaded.identity_ = std::move(*identity);
    if (const std::shared_ptr<X509> issuer = own_issuer(context)) {
        loaded.identity_.ca = ca_fingerprint(*issuer);
    }
    return loaded;
}

Result<TlsContext> TlsContext::load_for(const IdentityFiles& files, Role role) {
    Result<TlsContext> context = load(files);
    if (!context) {
        return context;
    }
    if (Result<void> dates = check_dates(*SSL_CTX_get0_certificate(context->context_.get()),
                                         "--cert " + files.cert + ": the certificate");
        !dates) {
        return dates.error();
    }
    const Identity& identity = context->identity();
    if (!identity.roles.contains(role)) {
        return at_fault("--cert", files.cert,
                        "the certificate is not for role " + std::string(to_string(role)) +
                            " but for " + role_list(identity.roles));
    }
    return context;
}

Result<void> TlsContext::check_again(const SSL& connection) const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(&connection),
                                                            &X509_free);
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(
        X509_STORE_CTX_new(), &X509_STORE_CTX_free);
    if (!shown || !check ||
        X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context_.get()), shown.get(),
                            SSL_get_peer_cert_chain(&connection)) != 1) {
        ERR_clear_error();
        return {};  // nothing to judge by: it was accepted once
    }
    X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_NO_CHECK_TIME);
    X509_STORE_CTX_set_verify_cb(check.get(), judge);
    const bool good = X509_verify_cert(check.get()) == 1;
    const int why = X509_STORE_CTX_get_error(check.get());
    ERR_clear_error();
    if (good) {
        return {};
    }
    return Error{Errc::refused, "its certificate is not accepted any more " + verify_text(why)};
}

Result<Identity> check_identity(const IdentityFiles& files, Role role) {
    Result<TlsContext> context = TlsContext::load_for(files, role);
    if (!context) {
        return context.error();
    }
    return context->identity();
}

}  // namespace starling
