#pragma once

#include <memory>

#include "core/ledger/signature.hpp"
#include "transport/tls/tls_endpoint.hpp"

struct x509_st;
struct ssl_ctx_st;
struct stack_st_X509;

namespace starling {

/// Of a CA, by its certificate.
CaFingerprint ca_fingerprint(const x509_st& authority);

/// Of the CA that made the first certificate of a chain that was verified; zeros: the chain is
/// empty.
CaFingerprint ca_of_chain(const stack_st_X509* verified);

/// The certificate of the CA that made the one which `context` shows: behind it in its file, or one
/// of those that are trusted. nullptr: neither.
std::shared_ptr<x509_st> own_issuer(const ssl_ctx_st* context);

/// Adds who made the certificate of these files. Errc::refused: that CA's own is nowhere in them.
Result<void> add_issuer(const IdentityFiles& files, Role role, Credentials& credentials);

/// `issuer` of the credentials made `certificate`, and has the fingerprint that they say.
/// Errc::refused says why not.
Result<void> check_issuer(x509_st& certificate, const Credentials& credentials);

}  // namespace starling
