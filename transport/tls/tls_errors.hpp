#pragma once

#include <string>

#include "core/base/result.hpp"

struct ssl_st;

namespace starling {

/// Why a TLS connection can't go on, as a sentence that can stand behind the peer's address.
struct TlsFailure {
    Error error;
    bool fatal = false;  ///< the peer would answer a second try in the same way
};

/// Explains the newest error of OpenSSL and clears all. The code is Errc::refused for certificates,
/// Errc::malformed for bytes that are no TLS, Errc::unknown_version for TLS before 1.3.
/// \param ca  see verify_text().
TlsFailure explain_tls_error(const ssl_st& ssl, const std::string& ca);

/// "FLAG FILE: WHAT", Errc::refused: a file of an identity that can't be used.
Error at_fault(const std::string& flag, const std::string& file, const std::string& what);

/// ": what OpenSSL says", or nothing; clears OpenSSL's errors.
std::string openssl_reason();

/// What is wrong with a peer's certificate (X509_V_ERR_...), in brackets, and what helps.
/// \param ca  of the chain behind it, where the fault lies; empty: in the certificate itself.
std::string verify_text(long code, const std::string& ca);

}  // namespace starling
