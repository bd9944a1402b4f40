#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transport/tls/tls_rules.hpp"

namespace starling {

/// What a web server shows to its clients, and what it requires of them.
struct WebFiles {
    CertificateFiles own;
    /// CAs, a file or a directory of *.pem files: a client has to have a certificate of one of
    /// them, valid now and not revoked. Empty: none is asked for.
    std::string client_cas;
    std::string client_cas_flag;  ///< that errors name
};

struct WebContext {
    std::shared_ptr<ssl_ctx_st> tls;
    /// For the operator: a CA without a revocation list, an outdated list.
    std::vector<std::string> warnings;
};

/// TLS settings of a server for browsers: TLS 1.3 only. The files are read once. Errc::refused
/// names the flag and the file at fault.
Result<WebContext> make_web_context(const WebFiles& files);

}  // namespace starling
