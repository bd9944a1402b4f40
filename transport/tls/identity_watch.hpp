#pragma once

#include <string>

#include "core/base/time.hpp"
#include "transport/tls/tls_context.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// Detects that one of a node's identity files was changed, added or removed. It polls with stat(),
/// which costs some microseconds per `interval` and, unlike inotify, also sees changes on network
/// file systems.
class IdentityWatch {
public:
    static constexpr SwarmDuration interval = std::chrono::seconds(2);

    explicit IdentityWatch(IdentityFiles files);

    /// Time of the next poll.
    SwarmTime due() const { return due_; }
    /// Polls. \return  whether anything has changed since the last poll.
    bool changed(SwarmTime now);

private:
    std::string snapshot() const;

    IdentityFiles files_;
    std::string last_snapshot_;
    SwarmTime due_{};
};

/// Reads the identity files of a node that runs. Errc::refused: see TlsContext::load_for(), or they
/// are of another node.
Result<TlsContext> reread_identity(const TlsEndpointOptions& options);

}  // namespace starling
