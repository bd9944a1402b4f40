// The jobs of gen-cert: a CA per host, certificates for its nodes, renewal, requests.
// Order of writes: the certificates of nodes before the CA's key, whose existence makes a later run
// refuse to replace it: a run that was killed can simply be repeated.
#include "deploy/certs/gen_cert.hpp"

#include <algorithm>
#include <filesystem>

#include "deploy/certs/ca_directory.hpp"
#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/cert_request.hpp"
#include "deploy/certs/host_addresses.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

struct NodeKind {
    const char* file;
    Role role;
};
constexpr NodeKind node_kinds[] = {
    {"sn", Role::sn}, {"sl", Role::sl}, {"apls", Role::apls}, {"swci", Role::tool}};

const NodeKind& kind_of(Role role) {
    return *std::find_if(std::begin(node_kinds), std::end(node_kinds),
                         [role](const NodeKind& kind) { return kind.role == role; });
}

Validity validity_of(const GenCertOptions& options) {
    return Validity{.not_after = std::chrono::hours(24) * options.days};
}

Result<void> write_pair(const std::string& cert_file, const std::string& key_file,
                        const IssuedCert& pair) {
    if (Result<void> written = write_file(key_file, pair.key_pem, FileMode::secret); !written) {
        return written;
    }
    return write_file(cert_file, pair.cert_pem, FileMode::readable);
}

LeafRequest node_request(const GenCertOptions& options, const NodeKind& kind) {
    LeafRequest request;
    request.name.name = kind.file + std::to_string(options.index);
    request.roles = {kind.role};
    request.dns_names = {"localhost"};
    request.ips = options.host_ips;
    if (request.ips.empty()) {
        request.ips = host_addresses();
        request.ips.emplace_back("127.0.0.1");
        // Not every host name can be in a certificate.
        if (const std::string name = host_name(); parse_node_id(name) && name != "localhost") {
            request.dns_names.push_back(name);
        }
    }
    request.validity = validity_of(options);
    request.key_type = options.key_type;
    return request;
}

Error host_ip_error(const GenCertOptions& options, const Error& error) {
    return options.host_ips.empty() || error.code != Errc::usage
               ? error
               : Error{Errc::usage, "--host-ip: " + error.message};
}

using NodeRequests = std::vector<std::pair<const NodeKind*, LeafRequest>>;

NodeRequests node_requests(const GenCertOptions& options) {
    NodeRequests requests;
    for (const NodeKind& kind : node_kinds) {
        requests.emplace_back(&kind, node_request(options, kind));
    }
    return requests;
}

/// Like node_requests(), with the names and addresses of the existing certificates: with a new one
/// that lacks the address by which others dial it, a node would not start, and be refused by
/// others.
Result<NodeRequests> kept_requests(const GenCertOptions& options, const CaDirectory& files) {
    NodeRequests requests = node_requests(options);
    for (auto& [kind, request] : requests) {
        const std::string file = files.node_file(kind->file, "cert");
        std::error_code unreadable;
        if (!fs::exists(file, unreadable)) {
            continue;
        }
        const Result<std::string> pem = read_file(file);
        if (!pem) {
            return pem.error();
        }
        Result<LeafRequest> made = read_certificate(*pem);
        if (!made) {
            return Error{Errc::usage,
                         "--renew: " + file + ": " + made.error().message +
                             ", so its addresses can't be kept: remove it, and specify --host-ip"};
        }
        request.dns_names = std::move(made->dns_names);
        if (options.host_ips.empty()) {
            request.ips = std::move(made->ips);
        }
    }
    return requests;
}

Result<void> issue_nodes(const GenCertOptions& options, const NodeRequests& requests,
                         const CaDirectory& files, const IssuedCert& ca) {
    for (const auto& [kind, request] : requests) {
        const Result<IssuedCert> leaf = issue_leaf(ca, request);
        if (!leaf) {
            return host_ip_error(options, leaf.error());
        }
        if (Result<void> written = write_pair(files.node_file(kind->file, "cert"),
                                              files.node_file(kind->file, "key"), *leaf);
            !written) {
            return written;
        }
        if (Result<void> kept = files.note_issued(ca, leaf->cert_pem); !kept) {
            return kept;
        }
    }
    return {};
}

std::string list_text(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

std::string certified_text(const LeafRequest& request) {
    return list_text(request.ips) + "; names: " + list_text(request.dns_names) +
           ", and each node's own.\n";
}

/// One line if all are equal, as after gen-cert; otherwise one per node.
std::string certified_text(const NodeRequests& requests) {
    const std::string first = certified_text(requests[0].second);
    std::string each;
    bool same = true;
    for (const auto& [kind, request] : requests) {
        const std::string text = certified_text(request);
        same = same && text == first;
        each += "Addresses of " + request.name.name + ": " + text;
    }
    return same ? "Addresses in them: " + first : each;
}

}  // namespace

Result<std::string> gen_cert(const GenCertOptions& options) {
    if (Result<void> checked = check_options(options); !checked) {
        return checked.error();
    }
    const CaDirectory files(options);
    std::error_code unreadable;
    if (fs::exists(files.ca_key, unreadable) && !options.force) {
        return Error{Errc::usage, files.ca_key +
                                      " already exists: --renew issues new certificates with this "
                                      "CA, --force replaces the CA as well; or choose another -i"};
    }
    Result<IssuedCert> ca = make_ca("starling-" + options.example + "-ca-" + files.index,
                                    validity_of(options), options.key_type);
    if (!ca) {
        return ca.error();
    }
    for (const auto& [path, secret] :
         {std::pair{files.capath, false}, std::pair{files.secret, true}}) {
        if (Result<void> made = make_directory(path.string(), secret); !made) {
            return made.error();
        }
    }
    for (const std::string& old : {files.issued, files.revoked, files.crl}) {
        fs::remove(old, unreadable);  // of the CA that is replaced
    }
    const NodeRequests requests = node_requests(options);
    if (Result<void> issued = issue_nodes(options, requests, files, *ca); !issued) {
        return issued.error();
    }
    if (Result<void> written = write_pair(files.ca_cert, files.ca_key, *ca); !written) {
        return written.error();
    }
    if (Result<void> linked = link_hashes(files.capath.string()); !linked) {
        return linked.error();
    }
    const std::string& index = files.index;
    return "Certificates of sn" + index + ", sl" + index + ", apls" + index + ", swci" + index +
           ": " + files.directory.string() + ", valid for " + std::to_string(options.days) +
           " days.\n" + certified_text(requests) + "Copy " + files.ca_cert + " to " +
           files.capath.string() + " of every other host; keep " + files.ca_key + " here.\n";
}

Result<std::string> renew_certs(const GenCertOptions& options) {
    const CaDirectory files(options);
    const Result<IssuedCert> ca = files.load_ca(options);
    if (!ca) {
        return ca.error();
    }
    const Result<NodeRequests> requests = kept_requests(options, files);
    if (!requests) {
        return requests.error();
    }
    if (Result<void> issued = issue_nodes(options, *requests, files, *ca); !issued) {
        return issued.error();
    }
    return "New certificates and keys in " + files.directory.string() + ", valid for " +
           std::to_string(options.days) + " days, by the existing CA.\n" +
           certified_text(*requests) + "Running nodes load them by themselves within seconds.\n";
}

Result<std::string> make_csr(const GenCertOptions& options, Role role) {
    if (Result<void> checked = check_options(options); !checked) {
        return checked.error();
    }
    const CaDirectory files(options);
    const NodeKind& kind = kind_of(role);
    const std::string key_file = files.node_file(kind.file, "key");
    const std::string request_file = files.node_file(kind.file, "csr");
    std::error_code unreadable;
    if (fs::exists(key_file, unreadable) && !options.force) {
        return Error{Errc::usage, key_file + " already exists: --force replaces it"};
    }
    const LeafRequest leaf = node_request(options, kind);
    const Result<KeyAndRequest> made = make_request(leaf);
    if (!made) {
        return host_ip_error(options, made.error());
    }
    if (Result<void> ok = make_directory(files.capath.string()); !ok) {
        return ok.error();
    }
    if (Result<void> ok = write_file(key_file, made->key_pem, FileMode::secret); !ok) {
        return ok.error();
    }
    if (Result<void> ok = write_file(request_file, made->request_pem, FileMode::readable); !ok) {
        return ok.error();
    }
    return "Key: " + key_file + " (keep it here). Request: " + request_file + ".\n" +
           "Addresses in it: " + certified_text(leaf) + "Sign it on the CA's host: gen-cert -e " +
           options.example + " -i CA-INDEX --sign " + request_file + " --role " +
           std::string(to_string(role)) + "\nand copy the certificate to the key's directory.\n";
}

Result<std::string> sign_csr(const GenCertOptions& options, const std::string& file, Role role) {
    const CaDirectory files(options);
    const Result<IssuedCert> ca = files.load_ca(options);
    if (!ca) {
        return ca.error();
    }
    const Result<std::string> pem = read_file(file);
    if (!pem) {
        return Error{Errc::io, "--sign: " + pem.error().message};
    }
    Result<LeafRequest> leaf = read_request(*pem);
    if (!leaf) {
        return Error{Errc::usage, "--sign " + file + ": " + leaf.error().message};
    }
    if (!leaf->roles.empty() && leaf->roles != std::set<Role>{role}) {
        std::string requested;
        for (const Role one : leaf->roles) {
            requested += (requested.empty() ? "" : ", ") + std::string(to_string(one));
        }
        return Error{Errc::usage, "--sign " + file + ": it requests role " + requested +
                                      ", but --role is " + std::string(to_string(role))};
    }
    leaf->roles = {role};
    leaf->validity = validity_of(options);
    const Result<std::string> cert = sign_request(*ca, *pem, *leaf);
    if (!cert) {
        return Error{cert.error().code, "--sign " + file + ": " + cert.error().message};
    }
    const std::string tail = "-csr.pem";
    const std::string cert_file =
        (file.ends_with(tail) ? file.substr(0, file.size() - tail.size()) : file) + "-cert.pem";
    if (Result<void> written = write_file(cert_file, *cert, FileMode::readable); !written) {
        return written.error();
    }
    if (Result<void> kept = files.note_issued(*ca, *cert); !kept) {
        return kept.error();
    }
    return "Signed for '" + leaf->name.name + "', role " + std::string(to_string(role)) +
           ", addresses " + list_text(leaf->ips) + ", names " + list_text(leaf->dns_names) + ", " +
           std::to_string(options.days) + " days: " + cert_file + "\n";
}

}  // namespace starling
