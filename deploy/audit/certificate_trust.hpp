#pragma once

#include <filesystem>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

struct x509_store_st;

namespace starling {

/// The CAs that an auditor trusts.
class CertificateTrust {
public:
    /// All certificates in the *.pem files of a directory. Errc::io names it.
    static Result<CertificateTrust> load(const std::filesystem::path& directory);

    /// Whether one of them made this certificate (X.509, DER). Dates and revocation are not looked
    /// at: what was signed while it held stays signed. Errc::refused says why not.
    Result<void> check(ByteView certificate) const;

private:
    CertificateTrust() = default;
    std::shared_ptr<x509_store_st> store_;
};

}  // namespace starling
