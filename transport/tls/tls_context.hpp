#pragma once

#include <memory>

#include "transport/tls/trust_store.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace starling {

/// Settings of all TLS connections of a node, dialled or accepted: its certificate and key, the
/// trusted CAs, TLS 1.3 only, mutual authentication.
class TlsContext {
public:
    /// Loads and checks the files of a node that runs as `role`. Errc::refused names the flag and
    /// the file at fault: it can't be read, key and certificate don't match, or the certificate is
    /// not valid now, for this role, or for one of the hosts `reached_as`, under which others dial
    /// the node.
    static Result<TlsContext> load_for(const IdentityFiles& files, Role role,
                                       const std::vector<std::string>& reached_as);

    ssl_ctx_st* handle() const { return context_.get(); }
    const Identity& identity() const { return identity_; }
    /// "serial 5C83..., valid until 2027-11-23 03:24 UTC", of the node's certificate.
    const std::string& summary() const { return summary_; }
    /// For the operator: a certificate that expires soon, a revocation list out of date.
    const std::vector<std::string>& warnings() const { return warnings_; }
    /// See TrustStore::take_notes().
    std::vector<std::string> take_notes() const { return trust_.take_notes(); }
    /// Verifies the certificate of a connected peer again, except its dates. Errc::refused: it has
    /// been revoked, or its CA is not trusted any more.
    Result<void> recheck_certificate(const ssl_st& connection) const;

private:
    TlsContext(std::shared_ptr<ssl_ctx_st> context, TrustStore trust)
        : context_(std::move(context)), trust_(std::move(trust)) {}
    /// Without checks of dates, role and hosts.
    static Result<TlsContext> load(const IdentityFiles& files);

    std::shared_ptr<ssl_ctx_st> context_;
    TrustStore trust_;
    std::string summary_;
    std::vector<std::string> warnings_;
    Identity identity_;
};

}  // namespace starling
