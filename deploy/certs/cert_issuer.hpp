#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.hpp"

namespace starling {

enum class KeyType {
    ec,   ///< ECDSA P-256: 1.4 ms of CPU time per handshake, both sides
    rsa,  ///< RSA-2048, for tools that lack ECDSA
};

/// Validity of a certificate, relative to now; either may be in the past.
struct Validity {
    /// An hour ago, so that a certificate is valid at once on hosts whose clocks differ a little.
    std::chrono::seconds not_before = std::chrono::hours(-1);
    std::chrono::seconds not_after = std::chrono::hours(24 * 365);
};

/// A certificate and its private key (PKCS #8, no passphrase), both PEM.
struct IssuedCert {
    std::string cert_pem;
    std::string key_pem;
};

/// The subject of a node's certificate.
struct LeafRequest {
    NodeId name;                         ///< common name, and a DNS name
    std::set<Role> roles;                ///< each a URI urn:starling:role:ROLE; at least one
    std::vector<std::string> dns_names;  ///< in addition to the name
    std::vector<std::string> ips;        ///< IPv4 or IPv6, as text
    Validity validity;
    KeyType key_type = KeyType::ec;
};

/// A self-signed certificate authority for leaves only (X.509 v3, SHA-256, pathlen 0).
/// \param name  its common name, 1 to 64 bytes; unique among the CAs that a node trusts.
/// Errc::usage names what is wrong with the request.
Result<IssuedCert> make_ca(const std::string& name, Validity validity,
                           KeyType key_type = KeyType::ec);

/// A certificate for both dialling and accepting (RFC 5280: CA:FALSE, digitalSignature, serverAuth
/// and clientAuth). Errc::usage names what is wrong with the request; Errc::malformed: `ca` is not
/// a CA.
Result<IssuedCert> issue_leaf(const IssuedCert& ca, const LeafRequest& request);

/// The hash of the subject by which `openssl -CApath` finds a CA's file: eight hexadecimal digits.
Result<std::string> subject_hash(const std::string& cert_pem);

}  // namespace starling
