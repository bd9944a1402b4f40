#pragma once

#include <memory>
#include <string>

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

/// TLS settings of a server for browsers: TLS 1.3 only. Errc::refused names the flag and the file
/// at fault.
Result<std::shared_ptr<ssl_ctx_st>> make_web_context(const WebFiles& files);

}  // namespace starling
