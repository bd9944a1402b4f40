#pragma once

#include <string>
#include <vector>

#include "deploy/certs/cert_issuer.hpp"

namespace starling {

/// Options of gen-cert.
struct GenCertOptions {
    std::string example;                ///< a folder below the workspace
    int index = 1;                      ///< of this host, 1 to 9999
    std::vector<std::string> host_ips;  ///< by which others dial it; none: its current ones
    int days = 365;
    std::string workspace = "workspace";
    KeyType key_type = KeyType::ec;
    bool force = false;  ///< replace what an earlier run made
};

// Files, below WORKSPACE/EXAMPLE/cert, for index 1. Nodes are named sn1, sl1, apls1, swci1:
//
//     sn-1-cert.pem sn-1-key.pem, the same for sl, apls and swci (role tool)
//     ca/capath/ca-1-cert.pem      for all hosts; with OpenSSL's hash links
//     ca/capath/ca-1-crl.pem       its revocation list, once something was revoked; for all hosts
//     ca/private/ca-1-key.pem      stays here, as does what it has issued and revoked:
//     ca/private/ca-1-issued.txt   SERIAL NAME, one a line
//     ca/private/ca-1-revoked.txt  SERIAL SECONDS-SINCE-1970 NAME, one a line
//
// All functions return lines for the user: what was written and what to do next.
// Errc::usage: an option; Errc::io: names the file.

/// Makes a CA for this host and certificates for its nodes. Errc::usage if there is a CA already
/// and not `force`.
Result<std::string> gen_cert(const GenCertOptions& options);

/// Makes new keys and certificates for the nodes, by the existing CA, with the names of the old
/// ones, and their addresses unless `host_ips` has others.
Result<std::string> renew_certs(const GenCertOptions& options);

/// Makes a key, which stays here, and a request for a certificate: ROLE-INDEX-key.pem,
/// ROLE-INDEX-csr.pem.
Result<std::string> make_csr(const GenCertOptions& options, Role role);

/// Signs a request with this host's CA. `role` decides, and the request must not contain another;
/// name and addresses are the request's. `X-csr.pem` becomes `X-cert.pem`.
Result<std::string> sign_csr(const GenCertOptions& options, const std::string& file, Role role);

/// Revokes a certificate (a file) or all that this host's CA has issued to a name, and writes the
/// CA's revocation list.
Result<std::string> revoke_cert(const GenCertOptions& options, const std::string& file_or_name);

/// Rewrites the revocation list, valid for `days` from now.
Result<std::string> renew_crl(const GenCertOptions& options);

}  // namespace starling
