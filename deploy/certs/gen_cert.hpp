#pragma once

#include <string>
#include <vector>

#include "deploy/certs/cert_issuer.hpp"

namespace starling {

/// What gen-cert is asked for.
struct GenCertOptions {
    std::string example;                ///< a folder below the workspace
    int index = 1;                      ///< of this host, 1 to 9999
    std::vector<std::string> host_ips;  ///< addresses by which others dial this host
    int days = 365;
    std::string workspace = "workspace";
    KeyType key_type = KeyType::ec;
    bool force = false;  ///< replace what an earlier run made
};

/// Makes a CA for this host and certificates for its nodes sn, sl and swci (role tool), named sn1,
/// sl1, swci1 for index 1, below WORKSPACE/EXAMPLE/cert:
///
///     sn-1-cert.pem sn-1-key.pem, the same for sl and swci
///     ca/capath/ca-1-cert.pem      for all hosts; with OpenSSL's hash links
///     ca/private/ca-1-key.pem      stays here
///
/// \return  lines for the user: what was written and what to do next.
/// Errc::usage: an option, or a CA that is there and no `force`; Errc::io: names the file.
Result<std::string> gen_cert(const GenCertOptions& options);

}  // namespace starling
