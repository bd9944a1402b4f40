#include "transport/tls/web_context.hpp"

#include <filesystem>

#include <openssl/ssl.h>

#include "transport/tls/certificate.hpp"
#include "transport/tls/trust_store.hpp"

namespace starling {
namespace {

/// Browsers offer the user those certificates that these CAs have made.
void name_cas(SSL_CTX* context, const TrustStore& trust) {
    const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(trust.handle());
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
        if (X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i))) {
            SSL_CTX_add_client_CA(context, ca);
        }
    }
}

}  // namespace

Result<WebContext> make_web_context(const WebFiles& files) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    STARLING_INVARIANT(context, "OpenSSL has TLS");
    set_tls_rules(context.get());
    const auto chain = load_certificate(context.get(), files.own);
    if (!chain) {
        return chain.error();
    }
    if (const auto dates = check_dates(
            *chain->front(), files.own.cert_flag + " " + files.own.cert + ": the certificate");
        !dates) {
        return dates.error();
    }
    if (files.client_cas.empty()) {
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
        return WebContext{std::move(context), {}};
    }
    std::error_code ignored;
    const bool directory = std::filesystem::is_directory(files.client_cas, ignored);
    const Result<TrustStore> trust =
        TrustStore::load(directory ? files.client_cas : "", directory ? "" : files.client_cas,
                         {files.client_cas_flag, files.client_cas_flag});
    if (!trust) {
        return trust.error();
    }
    SSL_CTX_set1_cert_store(context.get(), trust->handle());
    name_cas(context.get(), *trust);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    std::vector<std::string> warnings = trust->take_notes();
    warnings.insert(warnings.end(), trust->warnings().begin(), trust->warnings().end());
    return WebContext{std::move(context), std::move(warnings)};
}

}  // namespace starling
