// The jobs of gen-cert that revoke certificates: the list of what is revoked, and the signed list
// (CRL) for all hosts that is made of it.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>

#include "deploy/certs/ca_directory.hpp"
#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/revocation.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

std::int64_t seconds_since_1970() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
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

Result<std::string> write_crl(const GenCertOptions& options, const CaDirectory& files,
                              const IssuedCert& ca) {
    std::vector<Revoked> revoked;
    for (const auto& [entry, name] : read_revoked(files.revoked)) {
        revoked.push_back(entry);
    }
    const std::int64_t now = seconds_since_1970();
    const Result<std::string> crl = make_crl(ca, revoked, static_cast<std::uint64_t>(now),
                                             std::chrono::hours(24) * options.days);
    if (!crl) {
        return crl.error();
    }
    if (Result<void> written = write_file(files.crl, *crl, FileMode::readable); !written) {
        return written.error();
    }
    if (Result<void> linked = link_hashes(files.capath.string()); !linked) {
        return linked.error();
    }
    return files.crl + ": " + std::to_string(revoked.size()) + " revoked, valid for " +
           std::to_string(options.days) + " days (renew it with gen-cert --crl). Copy it to " +
           files.capath.string() +
           " of every host; running nodes load it by themselves within seconds.\n";
}

/// The certificates denoted by a file or a node's name.
Result<std::vector<CertFacts>> find_certs(const CaDirectory& files, const IssuedCert& ca,
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
    const Result<std::string> issued = read_file(files.issued);
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
                         files.issued + ")"};
    }
    return found;
}

}  // namespace

Result<std::string> revoke_cert(const GenCertOptions& options, const std::string& file_or_name) {
    const CaDirectory files(options);
    const Result<IssuedCert> ca = files.load_ca(options);
    if (!ca) {
        return ca.error();
    }
    const Result<std::vector<CertFacts>> certs = find_certs(files, *ca, file_or_name);
    if (!certs) {
        return certs.error();
    }
    const std::int64_t now = seconds_since_1970();
    std::string text;
    for (const CertFacts& facts : *certs) {
        const auto there = read_revoked(files.revoked);
        const bool known = std::any_of(there.begin(), there.end(), [&](const auto& entry) {
            return entry.first.serial == facts.serial;
        });
        if (!known) {
            if (Result<void> added = add_line(
                    files.revoked, facts.serial + " " + std::to_string(now) + " " + facts.name);
                !added) {
                return added.error();
            }
        }
        text += (known ? "Already revoked: " : "Revoked: ") + facts.name + ", serial " +
                facts.serial + "\n";
    }
    Result<std::string> written = write_crl(options, files, *ca);
    return written ? text + *written : written;
}

Result<std::string> renew_crl(const GenCertOptions& options) {
    const CaDirectory files(options);
    const Result<IssuedCert> ca = files.load_ca(options);
    return ca ? write_crl(options, files, *ca) : Result<std::string>(ca.error());
}

}  // namespace starling
