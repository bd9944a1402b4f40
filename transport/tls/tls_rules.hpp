#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"

struct ssl_ctx_st;
struct x509_st;

namespace starling {

/// A certificate with its key, PEM, and the flags that errors name.
struct CertificateFiles {
    std::string cert;  ///< and any intermediates
    std::string key;
    std::string cert_flag = "--cert";
    std::string key_flag = "--key";
};

/// Uses the certificate in a context. Errc::refused names the flag and the file: it can't be read,
/// or key and certificate don't match.
/// \return  the certificates of the file, the own one first
Result<std::vector<std::shared_ptr<x509_st>>> load_certificate(ssl_ctx_st* context,
                                                               const CertificateFiles& files);

/// What holds for all TLS of this program: TLS 1.3 only, cipher by CPU, no resumption, bounds.
void set_tls_rules(ssl_ctx_st* context);

}  // namespace starling
