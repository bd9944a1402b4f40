// gen-cert: the command line of deploy/certs/gen_cert.hpp.
#include <iostream>

#include <CLI/CLI.hpp>

#include "core/node/node.hpp"
#include "deploy/certs/gen_cert.hpp"

namespace starling {
namespace {

struct CommandLine {
    GenCertOptions options;
    std::string key_type = "ec";
    std::string role;  ///< of --csr and --sign
    std::string to_sign;
    std::string to_revoke;
};

void add_options(CLI::App& app, CommandLine& line) {
    GenCertOptions& options = line.options;
    app.add_option("-e,--example", options.example, "Name of the example, a folder (required)");
    app.add_option("-i,--index", options.index, "Index of this host, 1 to 9999 (required)");
    app.add_option("--host-ip", options.host_ips,
                   "Address that others dial to reach this host; may be repeated (default: "
                   "all its addresses; with --renew those of the old certificates)")
        ->allow_extra_args(false);
    app.add_option("--days", options.days, "Validity of the certificates in days")
        ->capture_default_str();
    app.add_option("--workspace", options.workspace, "Folder of all examples")
        ->capture_default_str();
    app.add_option("--key-type", line.key_type, "ec (ECDSA P-256) or rsa (RSA-2048)")
        ->check(CLI::IsMember({"ec", "rsa"}))
        ->capture_default_str();
    app.add_flag("--force", options.force, "Replace the CA and certificates of an earlier run");
}

/// Jobs other than making everything; they exclude each other.
void add_other_jobs(CLI::App& app, CommandLine& line) {
    CLI::Option* renew = app.add_flag("--renew")->description(
        "New keys and certificates by the existing CA, for the same names and addresses");
    CLI::Option* csr = app.add_flag("--csr")->description(
        "Create a key, which stays on this host, and a request for the CA of another host; needs "
        "--role");
    CLI::Option* sign = app.add_option(
        "--sign", line.to_sign,
        "Sign this request with this host's CA; needs --role. X-csr.pem becomes X-cert.pem");
    app.add_option("--role", line.role, "For --csr and --sign: sn, sl, apls or tool")
        ->check(CLI::IsMember({"sn", "sl", "apls", "tool"}));
    CLI::Option* revoke = app.add_option(
        "--revoke", line.to_revoke,
        "Revoke a certificate (file), or all of a node (name), and write the CA's revocation list");
    CLI::Option* crl =
        app.add_flag("--crl")->description("Renew the CA's revocation list, valid for --days");
    for (CLI::Option* one : {renew, csr, sign, revoke, crl}) {
        for (CLI::Option* other : {renew, csr, sign, revoke, crl}) {
            if (one != other) {
                one->excludes(other);
            }
        }
    }
}

/// Empty: nothing is missing.
std::string missing(const CLI::App& app, const CommandLine& line) {
    // Checked here, since CLI11 would report a missing flag before an unknown one.
    for (const char* flag : {"--example", "--index"}) {
        if (app.count(flag) == 0) {
            return std::string(flag) + " is missing (see gen-cert --help)";
        }
    }
    if ((app.count("--csr") > 0 || app.count("--sign") > 0) && line.role.empty()) {
        return "--role is missing: the role that the certificate permits";
    }
    return "";
}

Result<std::string> carry_out(const CLI::App& app, const CommandLine& line) {
    const auto given = [&](const char* flag) { return app.count(flag) > 0; };
    const GenCertOptions& options = line.options;
    return given("--renew")    ? renew_certs(options)
           : given("--csr")    ? make_csr(options, *parse_role(line.role))
           : given("--sign")   ? sign_csr(options, line.to_sign, *parse_role(line.role))
           : given("--revoke") ? revoke_cert(options, line.to_revoke)
           : given("--crl")    ? renew_crl(options)
                               : gen_cert(options);
}

int run(int argc, char** argv) {
    CLI::App app{
        "Creates a CA for this host and certificates for its nodes (sn, sl, apls, swci) in\n"
        "WORKSPACE/EXAMPLE/cert. Run it once on every host, each with a different index, then\n"
        "copy every host's CA certificate (ca/capath/ca-INDEX-cert.pem) to all other hosts.",
        "gen-cert"};
    CommandLine line;
    add_options(app, line);
    add_other_jobs(app, line);
    app.footer(
        "\nExamples:\n"
        "  gen-cert -e cifar10 -i 1\n"
        "  gen-cert -e cifar10 -i 2 --csr --role sl     (on host 2)\n"
        "  gen-cert -e cifar10 -i 1 --sign sl-2-csr.pem --role sl     (on host 1)\n"
        "  gen-cert -e cifar10 -i 1 --renew --days 90\n"
        "  gen-cert -e cifar10 -i 1 --revoke sl1");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& failed) {
        return app.exit(failed) == 0 ? exit_code::ok : exit_code::usage;
    }
    if (const std::string what = missing(app, line); !what.empty()) {
        std::cerr << "gen-cert: " << what << "\n";
        return exit_code::usage;
    }
    line.options.key_type = line.key_type == "ec" ? KeyType::ec : KeyType::rsa;
    const Result<std::string> made = carry_out(app, line);
    if (!made) {
        std::cerr << "gen-cert: " << made.error().message << "\n";
        return made.error().code == Errc::usage ? exit_code::usage : exit_code::failed;
    }
    std::cout << *made;
    return exit_code::ok;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) { return starling::run(argc, argv); }
