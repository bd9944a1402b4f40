#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "transport/endpoint.hpp"

namespace starling {

/// Files of a node's identity, all PEM.
struct IdentityFiles {
    std::string cert;     ///< certificate, and any intermediates
    std::string key;      ///< private key
    std::string ca_path;  ///< directory of CA certificates (every *.pem file in it), or
    std::string ca_file;  ///< one file of CA certificates
};

/// The subject of a certificate. The common name is the node's name; each role it may have is a
/// subjectAltName URI `urn:starling:role:ROLE`.
struct Identity {
    NodeId name;
    std::set<Role> roles;
    CaFingerprint ca;  ///< the issuing CA; zeros: it is not known here
};

/// Reads and checks a node's files: they exist, fit together, are not expired, name a node with
/// `role`. The error names the flag (--cert, --key, --capath, --cacert) and the file at fault.
Result<Identity> check_identity(const IdentityFiles& files, Role role);

/// One address to listen on.
struct ListenOptions {
    Address address;         ///< an IP and port (TLS), or the path of a Unix socket with port 0
    std::set<Role> accepts;  ///< a peer with another role is refused
};

struct TlsEndpointOptions {
    NodeId name;  ///< must be the certificate's, if there is one
    Role role = Role::sl;
    std::uint64_t session = 0;              ///< of this start of the node: see Node::session()
    std::optional<IdentityFiles> identity;  ///< none: only Unix sockets can be used (an ML node)
    std::vector<ListenOptions> listen;
    /// Hosts under which others dial this node: its certificate must be valid for each, or they
    /// would refuse it, and only their logs would tell.
    std::vector<std::string> reached_as;
    /// For TCP connect, TLS and hellos; extended while they progress.
    SwarmDuration handshake_limit = std::chrono::seconds(5);
    /// Unhandled input at which the endpoint stops reading.
    std::size_t receive_bytes_max = std::size_t{16} * 1024 * 1024;
    /// Large frames on Unix sockets pass through shared memory, if both ends want that and can.
    bool share_memory = true;
    /// Log lines of the endpoint itself, such as a refused peer and its address. Those are limited
    /// per minute; then follows the number omitted.
    std::function<void(Level, std::string text)> log;
    std::function<void()> refused;  ///< called for each refused peer
};

/// Opens all listening sockets. Errc::io names address and port ("port 30304 on 127.0.1.1 is in
/// use: stop what uses it or choose another --sn-api-port"); Errc::refused for identity files.
///
/// TLS 1.3 only, both sides authenticated. Same-host links are Unix sockets, mode 0600, peer with
/// the same user id. One thread: everything runs inside receive_until() and close().
Result<std::unique_ptr<PolledEndpoint>> make_tls_endpoint(TlsEndpointOptions options);

}  // namespace starling
