#include "deploy/certs/gen_cert.hpp"

#include <algorithm>
#include <filesystem>

#include "deploy/certs/cert_files.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr int index_max = 9999;
constexpr int days_max = 36500;
constexpr std::size_t example_max = 40;  // it stands in the CA's name, which has a bound of 64

struct NodeKind {
    const char* file;
    Role role;
};
constexpr NodeKind node_kinds[] = {{"sn", Role::sn}, {"sl", Role::sl}, {"swci", Role::tool}};

Result<void> check(const GenCertOptions& options) {
    const Result<NodeId> example = parse_node_id(options.example);
    if (!example || options.example.size() > example_max || options.example[0] == '.') {
        return Error{Errc::usage,
                     "-e '" + options.example.substr(0, example_max) +
                         "': 1 to 40 characters out of A-Z a-z 0-9 . _ -, no dot in front"};
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

Result<void> write_pair(const std::string& cert_file, const std::string& key_file,
                        const IssuedCert& pair) {
    if (Result<void> written = write_file(key_file, pair.key_pem, FileMode::secret); !written) {
        return written;
    }
    return write_file(cert_file, pair.cert_pem, FileMode::readable);
}

Result<void> issue_node(const GenCertOptions& options, const IssuedCert& ca, const NodeKind& kind,
                        const fs::path& directory) {
    LeafRequest request;
    request.name.name = kind.file + std::to_string(options.index);
    request.roles = {kind.role};
    request.dns_names = {"localhost"};
    request.ips = options.host_ips;
    request.validity.not_after = std::chrono::hours(24) * options.days;
    request.key_type = options.key_type;
    Result<IssuedCert> leaf = issue_leaf(ca, request);
    if (!leaf) {
        return options.host_ips.empty() || leaf.error().code != Errc::usage
                   ? leaf.error()
                   : Error{Errc::usage, "--host-ip: " + leaf.error().message};
    }
    const std::string base =
        (directory / (std::string(kind.file) + "-" + std::to_string(options.index))).string();
    return write_pair(base + "-cert.pem", base + "-key.pem", *leaf);
}

}  // namespace

Result<std::string> gen_cert(const GenCertOptions& options) {
    if (Result<void> checked = check(options); !checked) {
        return checked.error();
    }
    const std::string index = std::to_string(options.index);
    const fs::path directory = fs::path(options.workspace) / options.example / "cert";
    const fs::path capath = directory / "ca" / "capath";
    const fs::path ca_private = directory / "ca" / "private";
    const std::string ca_key = (ca_private / ("ca-" + index + "-key.pem")).string();
    const std::string ca_cert = (capath / ("ca-" + index + "-cert.pem")).string();
    std::error_code unreadable;
    if (fs::exists(ca_key, unreadable) && !options.force) {
        return Error{Errc::usage, ca_key +
                                      " is there already: --force replaces this CA and all "
                                      "certificates it made; or choose another -i"};
    }
    Result<IssuedCert> ca =
        make_ca("starling-" + options.example + "-ca-" + index,
                Validity{.not_after = std::chrono::hours(24) * options.days}, options.key_type);
    if (!ca) {
        return ca.error();
    }
    for (const auto& [path, secret] : {std::pair{capath, false}, std::pair{ca_private, true}}) {
        if (Result<void> made = make_directory(path.string(), secret); !made) {
            return made.error();
        }
    }
    for (const NodeKind& kind : node_kinds) {
        if (Result<void> issued = issue_node(options, *ca, kind, directory); !issued) {
            return issued.error();
        }
    }
    if (Result<void> written = write_pair(ca_cert, ca_key, *ca); !written) {
        return written.error();
    }
    if (Result<void> linked = link_hashes(capath.string()); !linked) {
        return linked.error();
    }
    return "Certificates of sn" + index + ", sl" + index + ", swci" + index + ": " +
           directory.string() + ", valid for " + std::to_string(options.days) + " days.\nCopy " +
           ca_cert + " to " + capath.string() + " of every other host; keep " + ca_key + " here.\n";
}

}  // namespace starling
