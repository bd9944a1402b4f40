#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/certs/cert_issuer.hpp"

namespace starling {

/// An entry of a revocation list.
struct Revoked {
    std::string serial;        ///< hexadecimal
    std::int64_t at_unix = 0;  ///< seconds since 1970
};

/// A revocation list (X.509 v2, RFC 5280), PEM. Errc::malformed: the CA's key does not fit its
/// certificate.
/// \param number  increases from one list of a CA to the next.
/// \param validity  a new list must follow within it; nodes warn if it doesn't.
Result<std::string> make_crl(const IssuedCert& ca, const std::vector<Revoked>& revoked,
                             std::uint64_t number, std::chrono::seconds validity);

/// Serial and common name of a certificate.
struct CertFacts {
    std::string serial;
    std::string name;
};
/// Errc::malformed: it is no certificate; Errc::usage: `ca` has not issued it.
Result<CertFacts> facts_of(const std::string& cert_pem, const IssuedCert& ca);

/// Hash of the issuer of a CRL, by which `openssl -CApath` finds it as HASH.rN. Errc::malformed if
/// the text holds no CRL.
Result<std::string> crl_issuer_hash(const std::string& crl_pem);

}  // namespace starling
