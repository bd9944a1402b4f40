#include <iostream>

#include <CLI/CLI.hpp>

#include "core/node/node.hpp"
#include "deploy/certs/gen_cert.hpp"

namespace {

int exit_code_for(starling::Errc code) {
    return code == starling::Errc::usage ? starling::exit_code::usage : starling::exit_code::failed;
}

}  // namespace

int main(int argc, char** argv) {
    starling::GenCertOptions options;
    std::string key_type = "ec";
    std::string role;
    std::string to_sign;
    std::string to_revoke;
    bool wants_renew = false;
    bool wants_csr = false;
    bool wants_crl = false;
    CLI::App app{
        "Makes a CA for this host and certificates for its nodes (sn, sl, apls, swci) below\n"
        "WORKSPACE/EXAMPLE/cert. Run it once on every host, each with an index of its own, then\n"
        "copy every host's CA certificate (ca/capath/ca-INDEX-cert.pem) to all other hosts.",
        "gen-cert"};
    app.add_option("-e,--example", options.example, "Name of the example, a folder (required)");
    app.add_option("-i,--index", options.index, "Index of this host, 1 to 9999 (required)");
    app.add_option(
           "--host-ip", options.host_ips,
           "Address by which others dial this host; may be given several times (default: the "
           "addresses that it has; with --renew those of the old certificates)")
        ->allow_extra_args(false);
    app.add_option("--days", options.days, "Days that the certificates are valid")
        ->capture_default_str();
    app.add_option("--workspace", options.workspace, "Folder of all examples")
        ->capture_default_str();
    app.add_option("--key-type", key_type, "ec (ECDSA P-256) or rsa (RSA-2048)")
        ->check(CLI::IsMember({"ec", "rsa"}))
        ->capture_default_str();
    app.add_flag("--force", options.force, "Replace the CA and certificates of an earlier run");
    CLI::Option* renew =
        app.add_flag("--renew", wants_renew,
                     "New keys and certificates by the CA that is there, for the same names and "
                     "addresses");
    CLI::Option* csr = app.add_flag("--csr", wants_csr,
                                    "Make a key, which stays here, and a request for a CA "
                                    "elsewhere; needs --role");
    CLI::Option* sign =
        app.add_option("--sign", to_sign,
                       "Sign this request with this host's CA; needs --role. X-csr.pem "
                       "becomes X-cert.pem");
    app.add_option("--role", role, "Of --csr and --sign: sn, sl, apls or tool")
        ->check(CLI::IsMember({"sn", "sl", "apls", "tool"}));
    CLI::Option* revoke =
        app.add_option("--revoke", to_revoke,
                       "Revoke a certificate (file), or all of a node (name), and write "
                       "the CA's revocation list");
    CLI::Option* crl =
        app.add_flag("--crl", wants_crl, "Write the CA's revocation list anew, valid for --days");
    for (CLI::Option* one : {renew, csr, sign, revoke, crl}) {
        for (CLI::Option* other : {renew, csr, sign, revoke, crl}) {
            if (one != other) {
                one->excludes(other);
            }
        }
    }
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
        return app.exit(failed) == 0 ? starling::exit_code::ok : starling::exit_code::usage;
    }
    // Asked for here: CLI11 would name a missing flag before an unknown one.
    for (const char* flag : {"--example", "--index"}) {
        if (app.count(flag) == 0) {
            std::cerr << "gen-cert: " << flag << " is missing (see gen-cert --help)\n";
            return starling::exit_code::usage;
        }
    }
    options.key_type = key_type == "ec" ? starling::KeyType::ec : starling::KeyType::rsa;
    if ((*csr || *sign) && role.empty()) {
        std::cerr << "gen-cert: --role is missing: which role may the certificate have?\n";
        return starling::exit_code::usage;
    }
    const starling::Result<std::string> made =
        *renew    ? starling::renew_certs(options)
        : *csr    ? starling::make_csr(options, *starling::parse_role(role))
        : *sign   ? starling::sign_csr(options, to_sign, *starling::parse_role(role))
        : *revoke ? starling::revoke_cert(options, to_revoke)
        : *crl    ? starling::renew_crl(options)
                  : starling::gen_cert(options);
    if (!made) {
        std::cerr << "gen-cert: " << made.error().message << "\n";
        return exit_code_for(made.error().code);
    }
    std::cout << *made;
    return starling::exit_code::ok;
}
