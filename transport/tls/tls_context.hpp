#pragma once

#include <memory>

#include "transport/tls/tls_endpoint.hpp"

struct ssl_ctx_st;

namespace starling {

/// What all TLS connections of a node have in common: its certificate and key, whom it trusts,
/// TLS 1.3 and nothing older, both sides authenticated. For dialling and accepting alike.
class TlsContext {
public:
    /// Errc::refused names the flag and the file at fault. The dates are not looked at.
    static Result<TlsContext> load(const IdentityFiles& files);

    ssl_ctx_st* handle() const { return context_.get(); }
    const Identity& identity() const { return identity_; }
    /// Errc::refused if the node's own certificate, from file `cert`, is not valid now.
    Result<void> check_own_dates(const std::string& cert) const;

private:
    TlsContext() = default;

    std::shared_ptr<ssl_ctx_st> context_;
    Identity identity_;
};

}  // namespace starling
