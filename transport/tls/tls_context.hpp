#pragma once

#include <memory>

#include "transport/tls/trust_store.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace starling {

/// What all TLS connections of a node have in common: its certificate and key, whom it trusts,
/// TLS 1.3 and nothing older, both sides authenticated. For dialling and accepting alike.
class TlsContext {
public:
    /// For a node that takes `role` now. Errc::refused names the flag and the file at fault: one
    /// that can't be read, does not fit, is not valid today, not for this role, or not made for one
    /// of the hosts `reached_as`, under which others dial the node.
    static Result<TlsContext> load_for(const IdentityFiles& files, Role role,
                                       const std::vector<std::string>& reached_as);

    ssl_ctx_st* handle() const { return context_.get(); }
    const Identity& identity() const { return identity_; }
    /// "serial 5C83..., valid until 2027-11-23 03:24 UTC", of the own certificate.
    const std::string& summary() const { return summary_; }
    /// What an operator should see to soon: a certificate or a revocation list near its end.
    const std::vector<std::string>& warnings() const { return warnings_; }
    /// See TrustStore.
    std::vector<std::string> take_notes() const { return trust_.take_notes(); }
    /// Whether the certificate that the peer of a living connection has shown would be accepted
    /// today, its dates left aside. Errc::refused: it is revoked, or nobody here trusts its CA.
    Result<void> check_again(const ssl_st& connection) const;

private:
    TlsContext(std::shared_ptr<ssl_ctx_st> context, TrustStore trust)
        : context_(std::move(context)), trust_(std::move(trust)) {}
    /// Without a look at dates and role.
    static Result<TlsContext> load(const IdentityFiles& files);

    std::shared_ptr<ssl_ctx_st> context_;
    TrustStore trust_;
    std::string summary_;
    std::vector<std::string> warnings_;
    Identity identity_;
};

}  // namespace starling
