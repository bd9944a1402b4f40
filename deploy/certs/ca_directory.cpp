#include "deploy/certs/ca_directory.hpp"

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/revocation.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr int index_max = 9999;
constexpr int days_max = 36500;
constexpr std::size_t example_max = 40;  // part of the CA's name, which has at most 64 bytes

}  // namespace

CaDirectory::CaDirectory(const GenCertOptions& options)
    : index(std::to_string(options.index)),
      directory(fs::path(options.workspace) / options.example / "cert"),
      capath(directory / "ca" / "capath"),
      secret(directory / "ca" / "private"),
      ca_cert((capath / ("ca-" + index + "-cert.pem")).string()),
      crl((capath / ("ca-" + index + "-crl.pem")).string()),
      ca_key((secret / ("ca-" + index + "-key.pem")).string()),
      issued((secret / ("ca-" + index + "-issued.txt")).string()),
      revoked((secret / ("ca-" + index + "-revoked.txt")).string()) {}

std::string CaDirectory::node_file(const std::string& kind, const std::string& what) const {
    return (directory / (kind + "-" + index + "-" + what + ".pem")).string();
}

Result<IssuedCert> CaDirectory::load_ca(const GenCertOptions& options) const {
    if (Result<void> checked = check_options(options); !checked) {
        return checked.error();
    }
    Result<std::string> cert = read_file(ca_cert);
    Result<std::string> key = read_file(ca_key);
    if (!cert || !key) {
        return Error{Errc::usage, (cert ? key : cert).error().message +
                                      ": this host has no CA of -e " + options.example + " -i " +
                                      index + "; gen-cert without further flags creates one"};
    }
    return IssuedCert{std::move(*cert), std::move(*key)};
}

Result<void> CaDirectory::note_issued(const IssuedCert& ca, const std::string& cert_pem) const {
    const Result<CertFacts> facts = facts_of(cert_pem, ca);
    return facts ? add_line(issued, facts->serial + " " + facts->name)
                 : Result<void>(facts.error());
}

Result<void> check_options(const GenCertOptions& options) {
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

}  // namespace starling
