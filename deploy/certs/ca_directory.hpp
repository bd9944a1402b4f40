#pragma once

#include <filesystem>
#include <string>

#include "deploy/certs/cert_issuer.hpp"
#include "deploy/certs/gen_cert.hpp"

namespace starling {

/// The files of one host's CA (gen_cert.hpp has their names and contents).
struct CaDirectory {
    explicit CaDirectory(const GenCertOptions& options);

    /// \param kind  "sn", "sl", "apls" or "swci"; \param what  "cert", "key" or "csr"
    std::string node_file(const std::string& kind, const std::string& what) const;

    /// Certificate and key of the CA. Errc::usage: wrong options, or there is no CA yet.
    Result<IssuedCert> load_ca(const GenCertOptions& options) const;
    /// Adds a certificate to the list of issued ones.
    Result<void> note_issued(const IssuedCert& ca, const std::string& cert_pem) const;

    std::string index;                ///< of the host, as in the names of the files
    std::filesystem::path directory;  ///< certificates and keys of the nodes
    std::filesystem::path capath;     ///< for all hosts
    std::filesystem::path secret;     ///< stays on this host
    std::string ca_cert;
    std::string crl;
    std::string ca_key;
    std::string issued;
    std::string revoked;
};

/// Errc::usage names the option that is wrong.
Result<void> check_options(const GenCertOptions& options);

/// Appends a line to a file of the CA, which need not exist.
Result<void> add_line(const std::string& file, const std::string& line);

}  // namespace starling
