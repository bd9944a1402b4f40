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
    CLI::App app{
        "Makes a CA for this host and certificates for its nodes (sn, sl, swci) below\n"
        "WORKSPACE/EXAMPLE/cert. Run it once on every host, each with an index of its own, then\n"
        "copy every host's CA certificate (ca/capath/ca-INDEX-cert.pem) to all other hosts.",
        "gen-cert"};
    app.add_option("-e,--example", options.example, "Name of the example, a folder (required)");
    app.add_option("-i,--index", options.index, "Index of this host, 1 to 9999 (required)");
    app.add_option("--host-ip", options.host_ips,
                   "Address by which others dial this host; may be given several times (none)")
        ->allow_extra_args(false);
    app.add_option("--days", options.days, "Days that the certificates are valid")
        ->capture_default_str();
    app.add_option("--workspace", options.workspace, "Folder of all examples")
        ->capture_default_str();
    app.add_option("--key-type", key_type, "ec (ECDSA P-256) or rsa (RSA-2048)")
        ->check(CLI::IsMember({"ec", "rsa"}))
        ->capture_default_str();
    app.add_flag("--force", options.force, "Replace the CA and certificates of an earlier run");
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
    const starling::Result<std::string> made = starling::gen_cert(options);
    if (!made) {
        std::cerr << "gen-cert: " << made.error().message << "\n";
        return exit_code_for(made.error().code);
    }
    std::cout << *made;
    return starling::exit_code::ok;
}
