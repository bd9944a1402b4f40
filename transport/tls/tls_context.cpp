// The TLS rules of a node (TLS 1.3, mutual authentication, no resumption, cipher by CPU), and
// checks of its own files at start: a wrong certificate is explained here, and not only in the logs
// of the peers that refuse it.
#include "transport/tls/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "transport/crypto/vector_gcm.hpp"
#include "transport/tls/certificate.hpp"
#include "transport/tls/issuer.hpp"
#include "transport/tls/pem_blocks.hpp"
#include "transport/tls/tls_errors.hpp"
#include "transport/tls/tls_rules.hpp"

namespace starling {
namespace {

using CertPtr = std::shared_ptr<X509>;

constexpr int days_warned = 14;

Error missing(const std::string& flag, const std::string& environment) {
    return Error{Errc::refused, flag + " is missing (or " + environment +
                                    " in the environment): nodes talk over mutual TLS only"};
}

/// The issuer of `one` in a chain, by name; nullptr: it is not there.
const X509* issuer_in(const std::vector<CertPtr>& chain, const X509& one) {
    for (const CertPtr& certificate : chain) {
        if (X509_NAME_cmp(X509_get_subject_name(certificate.get()), X509_get_issuer_name(&one)) ==
            0) {
            return certificate.get();
        }
    }
    return nullptr;
}

/// Why peers may refuse this node's certificate; empty: no reason is known.
std::string doubt_about(const std::vector<CertPtr>& chain, const TrustStore& trust) {
    const TrustStore::Verdict verdict = trust.check(chain, TrustStore::Revocation::checked);
    if (verdict.code == X509_V_ERR_CERT_REVOKED) {
        return "peers refuse this node: its certificate is not accepted " +
               verify_text(verdict.code, verdict.ca);
    }
    const X509* last = chain[0].get();
    for (int depth = 0; depth < chain_depth_max; ++depth) {
        const X509* next = issuer_in(chain, *last);
        if (next == nullptr || next == last) {
            break;
        }
        last = next;
    }
    if (verdict.code == 0 || trust.knows_issuer_of(*last)) {
        return {};
    }
    const std::string ca = name_text(*X509_get_issuer_name(last));
    return "the CA '" + ca + "', which made '" + name_text(*X509_get_subject_name(last)) +
           "', stands neither in this file nor in --capath (--cacert): append its certificate here "
           "if it is an intermediate CA, or peers without it refuse this node";
}

}  // namespace

Result<TlsContext> TlsContext::load(const IdentityFiles& files) {
    const std::shared_ptr<SSL_CTX> made(
        SSL_CTX_new_ex(nullptr, vector_gcm_properties(), TLS_method()), &SSL_CTX_free);
    STARLING_INVARIANT(made, "OpenSSL has TLS");
    set_tls_rules(made.get());
    // OpenSSL then also demands serverAuth of the accepting side and clientAuth of the dialling
    // side. Revocation is decided by the TrustStore.
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    if (files.cert.empty()) {
        return missing("--cert", "SWARM_ID_CERT");
    }
    if (files.key.empty()) {
        return missing("--key", "SWARM_ID_KEY");
    }
    const Result<std::vector<CertPtr>> chain =
        load_certificate(made.get(), {files.cert, files.key});
    if (!chain) {
        return chain.error();
    }
    Result<TrustStore> trust = TrustStore::load(files.ca_path, files.ca_file);
    if (!trust) {
        return trust.error();
    }
    SSL_CTX_set1_cert_store(made.get(), trust->handle());
    TlsContext loaded(made, std::move(*trust));
    loaded.warnings_ = loaded.trust_.warnings();
    const X509& own = *chain->front();
    loaded.summary_ =
        "serial " + serial_text(own) + ", valid until " + date_text(X509_get0_notAfter(&own));
    if (days_left(own) < days_warned) {
        loaded.warnings_.push_back(
            "the certificate " + files.cert + " ends on " + date_text(X509_get0_notAfter(&own)) +
            ": make a new one (gen-cert --renew); it is read without a restart");
    }
    if (const std::string doubt = doubt_about(*chain, loaded.trust_); !doubt.empty()) {
        loaded.warnings_.push_back("--cert " + files.cert + ": " + doubt);
    }
    Result<Identity> identity = identity_of(own);
    if (!identity) {
        return file_error("--cert", files.cert, identity.error().message);
    }
    loaded.identity_ = std::move(*identity);
    if (const std::shared_ptr<X509> issuer = own_issuer(made.get())) {
        loaded.identity_.ca = ca_fingerprint(*issuer);
    }
    return loaded;
}

Result<TlsContext> TlsContext::load_for(const IdentityFiles& files, Role role,
                                        const std::vector<std::string>& reached_as) {
    Result<TlsContext> context = load(files);
    if (!context) {
        return context;
    }
    X509* own = SSL_CTX_get0_certificate(context->context_.get());
    if (Result<void> dates = check_dates(*own, "--cert " + files.cert + ": the certificate");
        !dates) {
        return dates.error();
    }
    const Identity& identity = context->identity();
    if (!identity.roles.contains(role)) {
        return file_error("--cert", files.cert,
                          "the certificate is not for role " + std::string(to_string(role)) +
                              " but for " + role_list(identity.roles));
    }
    for (const std::string& host : reached_as) {
        if (!is_made_for(own, host)) {
            return file_error("--cert", files.cert,
                              "the certificate is not made for '" + host +
                                  "', under which others dial this node, so they would refuse it: "
                                  "make it with gen-cert --renew --host-ip " +
                                  host + ", or start with a --host-ip that it names (" +
                                  hosts_text(*own) + ")");
        }
    }
    return context;
}

Result<void> TlsContext::recheck_certificate(const SSL& connection) const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(&connection),
                                                            &X509_free);
    if (!shown) {
        return {};  // nothing to check: it was accepted at the handshake
    }
    const TrustStore::Verdict verdict = trust_.check(
        shown.get(), SSL_get_peer_cert_chain(&connection), TrustStore::Revocation::checked);
    if (verdict.code == 0) {
        return {};
    }
    return Error{Errc::refused, "its certificate is not accepted any more " +
                                    verify_text(verdict.code, verdict.ca)};
}

Result<Identity> check_identity(const IdentityFiles& files, Role role) {
    Result<TlsContext> context = TlsContext::load_for(files, role, {});
    if (!context) {
        return context.error();
    }
    return context->identity();
}

}  // namespace starling
