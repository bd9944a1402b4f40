#pragma once

#include <string>

#include "core/base/result.hpp"

struct ssl_st;

namespace starling {

/// Why a TLS connection failed, as text to follow the peer's address.
struct TlsFailure {
    Error error;
    bool fatal = false;  ///< another connection would fail in the same way
};

/// Explains the newest error of OpenSSL and clears all. The code is Errc::refused for certificates,
/// Errc::malformed for bytes that are no TLS, Errc::unknown_version for TLS before 1.3.
/// \param ca  see verify_text().
TlsFailure explain_tls_error(const ssl_st& ssl, const std::string& ca);

/// "FLAG FILE: WHAT", Errc::refused: a file of an identity that can't be used.
Error file_error(const std::string& flag, const std::string& file, const std::string& what);

/// OpenSSL's newest error as ": TEXT", or nothing; clears all errors.
std::string openssl_reason();

/// Explains an X509_V_ERR_... code of a peer's certificate, in brackets, and what to do about it.
/// \param ca  the CA in its chain that is at fault; empty: the certificate itself.
std::string verify_text(long code, const std::string& ca);

}  // namespace starling
