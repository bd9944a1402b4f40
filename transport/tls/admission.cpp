// A hello is a claim. Its name and role must be those of the certificate, which the TLS handshake
// has verified; what comes first here is what explains most: a wrong certificate before a wrong
// port.
#include "transport/tls/admission.hpp"

#include <string>

#include "transport/tls/certificate.hpp"

namespace starling {

Result<void> admit_peer(const NodeId& own, std::uint64_t session, const Hello& hello,
                        const std::optional<Identity>& certified, const std::set<Role>& accepts) {
    const std::string role(to_string(hello.role));
    const std::string who = "'" + hello.name.name + "' (" + role + ")";
    if (Result<NodeId> name = parse_node_id(hello.name.name); !name) {
        return Error{Errc::refused, name.error().message};
    }
    if (certified && certified->name != hello.name) {
        return Error{Errc::refused, who + " shows the certificate of '" + certified->name.name +
                                        "': --name must be the name in --cert"};
    }
    if (certified && !certified->roles.contains(hello.role)) {
        return Error{Errc::refused, who + " may not be " + role + ": its certificate is for " +
                                        role_list(certified->roles)};
    }
    if (!accepts.contains(hello.role)) {
        return Error{Errc::refused, who + " used the wrong port: this port serves " +
                                        role_list(accepts) + " only (check address and port)"};
    }
    if (hello.name == own && hello.session != 0 && hello.session == session) {
        return Error{Errc::refused, "'" + own.name + "' dials itself: check the addresses"};
    }
    if (hello.name == own) {
        return Error{Errc::replaced, "two nodes have the name '" + own.name +
                                         "': give one another name and certificate, or, if they "
                                         "are two copies of one node, go on with one of them"};
    }
    return {};
}

}  // namespace starling
