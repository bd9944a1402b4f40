#pragma once

#include <string>

#include "deploy/certs/cert_issuer.hpp"

namespace starling {

// Certificates for keys that never leave their host: the host makes a key and a request (PKCS #10,
// RFC 2986), the CA signs the request.

struct KeyAndRequest {
    std::string key_pem;
    std::string request_pem;
};

/// A new key, and a request for a certificate with the contents of `request`.
Result<KeyAndRequest> make_request(const LeafRequest& request);

/// The contents of a request: name, roles, DNS names and addresses. Errc::malformed: it is none, or
/// its signature does not prove possession of the key.
Result<LeafRequest> read_request(const std::string& request_pem);

/// The same of an issued certificate; kinds of names that nodes don't have are skipped.
/// Errc::malformed: it is none.
Result<LeafRequest> read_certificate(const std::string& cert_pem);

/// Issues a certificate (PEM) with the key of the request; everything else is from `granted`.
Result<std::string> sign_request(const IssuedCert& ca, const std::string& request_pem,
                                 const LeafRequest& granted);

}  // namespace starling
