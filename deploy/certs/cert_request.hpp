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

/// A new key, and a request that asks for what `request` says.
Result<KeyAndRequest> make_request(const LeafRequest& request);

/// What a request asks for: name, roles, DNS names and addresses. Errc::malformed: it is none, or
/// its signature does not show that the asker holds the key.
Result<LeafRequest> read_request(const std::string& request_pem);

/// The same of a certificate that was made; kinds of names that nodes don't have are left out.
/// Errc::malformed: it is none.
Result<LeafRequest> read_certificate(const std::string& cert_pem);

/// Signs: the key is the request's, all else is `granted`. A certificate, PEM.
Result<std::string> sign_request(const IssuedCert& ca, const std::string& request_pem,
                                 const LeafRequest& granted);

}  // namespace starling
