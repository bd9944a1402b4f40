#pragma once

#include <memory>

#include "core/ledger/signature.hpp"
#include "transport/tls/tls_endpoint.hpp"

struct x509_st;
struct ssl_ctx_st;
struct stack_st_X509;

namespace starling {

/// Fingerprint of a CA by its certificate: of subject and public key.
CaFingerprint ca_fingerprint(const x509_st& authority);

/// Fingerprint of the CA that issued the first certificate of a verified chain; zeros: the chain is
/// empty.
CaFingerprint ca_of_chain(const stack_st_X509* verified);

/// The certificate of the CA that issued this node's: from the same file, or a trusted one;
/// nullptr: not found.
std::shared_ptr<x509_st> own_issuer(const ssl_ctx_st* context);

/// Adds the issuer of the certificate in `files`, and its fingerprint. Errc::refused: the issuer's
/// certificate is in none of the files, or too large.
Result<void> add_issuer(const IdentityFiles& files, Role role, Credentials& credentials);

/// Checks that `credentials.issuer` issued `certificate` and has the fingerprint `credentials.ca`.
/// Errc::refused if not.
Result<void> check_issuer(x509_st& certificate, const Credentials& credentials);

}  // namespace starling
