// The jobs of gen-cert: a CA per host, certificates for its nodes, renewal, requests, revocation.
// Order of writes: the certificates of nodes before the CA's key, whose existence makes a later run
// refuse to replace it: a run that was killed can simply be repeated.
#include "deploy/certs/gen_cert.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/cert_request.hpp"
#include "deploy/certs/host_addresses.hpp"
#include "deploy/certs/revocation.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr int index_max = 9999;
constexpr int days_max = 36500;
constexpr std::size_t example_max = 40;  // part of the CA's name, which has at most 64 bytes

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

/// Paths of one CA's files.
struct Places {
    explicit Places(const GenCertOptions& options)
        : index(std::to_string(options.index)),
          directory(fs::path(options.workspace) / options.example / "cert"),
          capath(directory / "ca" / "capath"),
          secret(directory / "ca" / "private"),
          ca_cert((capath / ("ca-" + index + "-cert.pem")).string()),
          crl((capath / ("ca-" + index + "-crl.pem")).string()),
          ca_key((secret / ("ca-" + index + "-key.pem")).string()),
          issued((secret / ("ca-" + index + "-issued.txt")).string()),
          revoked((secret / ("ca-" + index + "-revoked.txt")).string()) {}

    std::string node_file(const NodeKind& kind, const std::string& what) const {
        return (directory / (std::string(kind.file) + "-" + index + "-" + what + ".pem")).string();
    }

    std::string index;
    fs::path directory;
    fs::path capath;
    fs::path secret;
    std::string ca_cert;
    std::string crl;
    std::string ca_key;
    std::string issued;
    std::string revoked;
};

Result<void> check(const GenCertOptions& options) {
    const Result<NodeId> example = parse_node_id(options.example);
    if (!example || options.example.size() > example_max || options.example[0] == '.') {
        return Error{Errc::usage,
                     "-e '" + options.example.substr(0, example_max) +
                         "': 1 to 40 characters from A-Z a-z 0-9 . _ -, not beginning with a dot"};
    }
    if (options.index < 1 || options.index > index_max) {
        return Error{Errc::usage,
                     "-i " + std::to_string(options.index) + ": the index of a host is 1 to 9999"};
    }
    if (options.days < 1 || options.days > days_max) {
        return Error{Errc::usage,
                     "--days " + std::to_string(options.days) + ": 1 to 36500 are allowed"};
    }
    return {};
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

/// Appends a line to a file of the CA, which need not exist.
Result<void> add_line(const std::string& file, const std::string& line) {
    std::error_code ignored;
    std::string text;
    if (fs::exists(file, ignored)) {
        Result<std::string> there = read_file(file);
        if (!there) {
            return there.error();
        }
        text = std::move(*there);
    }
    return write_file(file, text + line + "\n", FileMode::secret);
}

Result<void> remember(const Places& places, const IssuedCert& ca, const std::string& cert_pem) {
    const Result<CertFacts> facts = facts_of(cert_pem, ca);
    return facts ? add_line(places.issued, facts->serial + " " + facts->name)
                 : Result<void>(facts.error());
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
Result<NodeRequests> kept_requests(const GenCertOptions& options, const Places& places) {
    NodeRequests requests = node_requests(options);
    for (auto& [kind, request] : requests) {
        const std::string file = places.node_file(*kind, "cert");
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
                         const Places& places, const IssuedCert& ca) {
    for (const auto& [kind, request] : requests) {
        const Result<IssuedCert> leaf = issue_leaf(ca, request);
        if (!leaf) {
            return host_ip_error(options, leaf.error());
        }
        if (Result<void> written =
                write_pair(places.node_file(*kind, "cert"), places.node_file(*kind, "key"), *leaf);
            !written) {
            return written;
        }
        if (Result<void> kept = remember(places, ca, leaf->cert_pem); !kept) {
            return kept;
        }
    }
    return {};
}

Result<IssuedCert> load_ca(const GenCertOptions& options, const Places& places) {
    if (Result<void> checked = check(options); !checked) {
        return checked.error();
    }
    Result<std::string> cert = read_file(places.ca_cert);
    Result<std::string> key = read_file(places.ca_key);
    if (!cert || !key) {
        return Error{Errc::usage, (cert ? key : cert).error().message +
                                      ": this host has no CA of -e " + options.example + " -i " +
                                      places.index +
                                      "; gen-cert without further flags creates one"};
    }
    return IssuedCert{std::move(*cert), std::move(*key)};
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

std::vector<std::pair<Revoked, std::string>> read_revoked(const std::string& file) {
    std::vector<std::pair<Revoked, std::string>> entries;
    const Result<std::string> text = read_file(file);
    std::istringstream lines(text ? *text : "");
    Revoked revoked;
    std::string name;
    while (lines >> revoked.serial >> revoked.at_unix >> name) {
        entries.emplace_back(revoked, name);
    }
    return entries;
}

Result<std::string> write_crl(const GenCertOptions& options, const Places& places,
                              const IssuedCert& ca) {
    std::vector<Revoked> revoked;
    for (const auto& [entry, name] : read_revoked(places.revoked)) {
        revoked.push_back(entry);
    }
    const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    const Result<std::string> crl = make_crl(ca, revoked, static_cast<std::uint64_t>(now),
                                             std::chrono::hours(24) * options.days);
    if (!crl) {
        return crl.error();
    }
    if (Result<void> written = write_file(places.crl, *crl, FileMode::readable); !written) {
        return written.error();
    }
    if (Result<void> linked = link_hashes(places.capath.string()); !linked) {
        return linked.error();
    }
    return places.crl + ": " + std::to_string(revoked.size()) + " revoked, valid for " +
           std::to_string(options.days) + " days (renew it with gen-cert --crl). Copy it to " +
           places.capath.string() +
           " of every host; running nodes load it by themselves within seconds.\n";
}

/// The certificates denoted by a file or a node's name.
Result<std::vector<CertFacts>> find_certs(const Places& places, const IssuedCert& ca,
                                          const std::string& file_or_name) {
    std::error_code ignored;
    if (fs::exists(file_or_name, ignored)) {
        const Result<std::string> pem = read_file(file_or_name);
        if (!pem) {
            return pem.error();
        }
        Result<CertFacts> facts = facts_of(*pem, ca);
        if (!facts) {
            return Error{facts.error().code,
                         "--revoke " + file_or_name + ": " + facts.error().message};
        }
        return std::vector<CertFacts>{std::move(*facts)};
    }
    const Result<std::string> issued = read_file(places.issued);
    std::istringstream lines(issued ? *issued : "");
    std::vector<CertFacts> found;
    CertFacts facts;
    while (lines >> facts.serial >> facts.name) {
        if (facts.name == file_or_name) {
            found.push_back(facts);
        }
    }
    if (found.empty()) {
        return Error{Errc::usage,
                     "--revoke '" + file_or_name +
                         "': neither a file nor a node with a certificate of this host's CA (" +
                         places.issued + ")"};
    }
    return found;
}

}  // namespace

Result<std::string> gen_cert(const GenCertOptions& options) {
    if (Result<void> checked = check(options); !checked) {
        return checked.error();
    }
    const Places places(options);
    std::error_code unreadable;
    if (fs::exists(places.ca_key, unreadable) && !options.force) {
        return Error{Errc::usage, places.ca_key +
                                      " already exists: --renew issues new certificates with this "
                                      "CA, --force replaces the CA as well; or choose another -i"};
    }
    Result<IssuedCert> ca = make_ca("starling-" + options.example + "-ca-" + places.index,
                                    validity_of(options), options.key_type);
    if (!ca) {
        return ca.error();
    }
    for (const auto& [path, secret] :
         {std::pair{places.capath, false}, std::pair{places.secret, true}}) {
        if (Result<void> made = make_directory(path.string(), secret); !made) {
            return made.error();
        }
    }
    for (const std::string& old : {places.issued, places.revoked, places.crl}) {
        fs::remove(old, unreadable);  // of the CA that is replaced
    }
    const NodeRequests requests = node_requests(options);
    if (Result<void> issued = issue_nodes(options, requests, places, *ca); !issued) {
        return issued.error();
    }
    if (Result<void> written = write_pair(places.ca_cert, places.ca_key, *ca); !written) {
        return written.error();
    }
    if (Result<void> linked = link_hashes(places.capath.string()); !linked) {
        return linked.error();
    }
    const std::string& index = places.index;
    return "Certificates of sn" + index + ", sl" + index + ", apls" + index + ", swci" + index +
           ": " + places.directory.string() + ", valid for " + std::to_string(options.days) +
           " days.\n" + certified_text(requests) + "Copy " + places.ca_cert + " to " +
           places.capath.string() + " of every other host; keep " + places.ca_key + " here.\n";
}

Result<std::string> renew_certs(const GenCertOptions& options) {
    const Places places(options);
    const Result<IssuedCert> ca = load_ca(options, places);
    if (!ca) {
        return ca.error();
    }
    const Result<NodeRequests> requests = kept_requests(options, places);
    if (!requests) {
        return requests.error();
    }
    if (Result<void> issued = issue_nodes(options, *requests, places, *ca); !issued) {
        return issued.error();
    }
    return "New certificates and keys in " + places.directory.string() + ", valid for " +
           std::to_string(options.days) + " days, by the existing CA.\n" +
           certified_text(*requests) + "Running nodes load them by themselves within seconds.\n";
}

Result<std::string> make_csr(const GenCertOptions& options, Role role) {
    if (Result<void> checked = check(options); !checked) {
        return checked.error();
    }
    const Places places(options);
    const NodeKind& kind = kind_of(role);
    const std::string key_file = places.node_file(kind, "key");
    const std::string request_file = places.node_file(kind, "csr");
    std::error_code unreadable;
    if (fs::exists(key_file, unreadable) && !options.force) {
        return Error{Errc::usage, key_file + " already exists: --force replaces it"};
    }
    const LeafRequest leaf = node_request(options, kind);
    const Result<KeyAndRequest> made = make_request(leaf);
    if (!made) {
        return host_ip_error(options, made.error());
    }
    if (Result<void> ok = make_directory(places.capath.string()); !ok) {
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
    const Places places(options);
    const Result<IssuedCert> ca = load_ca(options, places);
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
    if (Result<void> kept = remember(places, *ca, *cert); !kept) {
        return kept.error();
    }
    return "Signed for '" + leaf->name.name + "', role " + std::string(to_string(role)) +
           ", addresses " + list_text(leaf->ips) + ", names " + list_text(leaf->dns_names) + ", " +
           std::to_string(options.days) + " days: " + cert_file + "\n";
}

Result<std::string> revoke_cert(const GenCertOptions& options, const std::string& file_or_name) {
    const Places places(options);
    const Result<IssuedCert> ca = load_ca(options, places);
    if (!ca) {
        return ca.error();
    }
    const Result<std::vector<CertFacts>> certs = find_certs(places, *ca, file_or_name);
    if (!certs) {
        return certs.error();
    }
    const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    std::string text;
    for (const CertFacts& facts : *certs) {
        const auto there = read_revoked(places.revoked);
        const bool known = std::any_of(there.begin(), there.end(), [&](const auto& entry) {
            return entry.first.serial == facts.serial;
        });
        if (!known) {
            if (Result<void> added = add_line(
                    places.revoked, facts.serial + " " + std::to_string(now) + " " + facts.name);
                !added) {
                return added.error();
            }
        }
        text += (known ? "Already revoked: " : "Revoked: ") + facts.name + ", serial " +
                facts.serial + "\n";
    }
    Result<std::string> written = write_crl(options, places, *ca);
    return written ? text + *written : written;
}

Result<std::string> renew_crl(const GenCertOptions& options) {
    const Places places(options);
    const Result<IssuedCert> ca = load_ca(options, places);
    return ca ? write_crl(options, places, *ca) : Result<std::string>(ca.error());
}

}  // namespace starling
