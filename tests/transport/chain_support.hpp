#pragma once

#include "tests/transport/tls_support.hpp"

namespace starling::test {

/// Key of a certificate as EVP_PKEY_Q_keygen() names it: its type, and its curve or bits.
struct KeyKind {
    std::string type = "EC";
    std::string curve = "P-256";
    std::size_t bits = 0;  ///< of RSA
};

/// A root CA, an intermediate CA that it issued, and nodes with certificates of the latter. Each
/// node trusts the root, in the directory of ca_path().
class ChainAuthority {
public:
    explicit ChainAuthority(const Folder& folder, const std::string& name = "root");

    /// Certificate (followed by the intermediate's) and key of a node on 127.0.0.1.
    IdentityFiles issue(const std::string& node, const std::string& role,
                        const KeyKind& kind = {}) const;
    /// The root revokes the intermediate CA: a list in ca_path().
    void revoke_intermediate() const;
    const std::string& ca_path() const { return ca_path_; }
    const IssuedCert& root() const { return root_; }
    const IssuedCert& intermediate() const { return intermediate_; }

private:
    const Folder& folder_;
    IssuedCert root_;
    IssuedCert intermediate_;
    std::string ca_path_;
};

}  // namespace starling::test
