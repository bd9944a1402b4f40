#include "transport/options/node_flags.hpp"

namespace starling {
namespace {

constexpr std::string_view node = "Node";
constexpr std::string_view identity = "Identity";
constexpr std::string_view network = "Network";
constexpr std::string_view output = "Files and logs";
constexpr std::string_view program = "ML program beside this SL";

constexpr Flag common_flags[] = {
    {"--name", "NAME", node,
     "Local name of the node: log, pid file, data; default: the certificate's name", ""},
    {"--key", "FILE", identity, "Private key, PEM", "SWARM_ID_KEY"},
    {"--cert", "FILE", identity, "Certificate that names the node and its role, PEM",
     "SWARM_ID_CERT"},
    {"--capath", "DIR", identity, "Directory of the CA certificates that are trusted (*.pem)",
     "SWARM_ID_CAPATH"},
    {"--cacert", "FILE", identity, "One file of CA certificates, in place of --capath",
     "SWARM_ID_CACERT"},
    {"--workspace", "DIR", output, "Where logs, pid files, traces and data go; default: workspace",
     ""},
    {"--trace", "FILE", output, "Trace file; default: WORKSPACE/trace/NAME.trace", ""},
    {"--metrics-port", "PORT", output,
     "Serve figures for Prometheus at http://127.0.0.1:PORT/metrics; default: not served", ""},
    {"--log-level", "LEVEL", output,
     "Log lines from this level on: debug, info, warning or error; default: info",
     "SWARM_LOG_LEVEL"},
};

constexpr Flag sn_flags[] = {
    {"--sentinel", "", node, "This SN starts the swarm network (a single SN always does)", ""},
    {"--host-ip", "ADDRESS", network, "IP address or host name that other nodes dial", "", true},
    {"--sn-api-port", "PORT", network, "Port for SLs and tools, 1 to 65535; default: 30304",
     "SN_API_SERVER_PORT"},
};

constexpr Flag sl_flags[] = {
    {"--host-ip", "ADDRESS", network, "IP address or host name that other SLs dial", "", true},
    {"--sn-ip", "ADDRESS", network, "IP address or host name of this node's SN", "SN_NODE_IP",
     true},
    {"--sn-api-port", "PORT", network, "Port of that SN, 1 to 65535; default: 30304",
     "SN_API_SERVER_PORT"},
    {"--sl-fs-port", "PORT", network,
     "Port for the exchange with other SLs, 1 to 65535; default: 30305", "SL_FS_PORT"},
    {"--ml-name", "NAME", program,
     "Name of the ML node; default: --name with 'ml' for 'sl', else NAME-ml", ""},
    {"--ml-entrypoint", "PROGRAM", program,
     "Program to start; a path is seen from --ml-w, a plain name is looked for in PATH", ""},
    {"--ml-cmd", "WORDS", program,
     "Its arguments, split as a shell does; without --ml-entrypoint the first is the program", ""},
    {"--ml-w", "DIR", program, "Its working directory; default: where run-sl was started", ""},
    {"--ml-e", "NAME=VALUE", program, "A variable of its environment", "", false, true},
};

template <std::size_t M, std::size_t N>
std::vector<Flag> join(const Flag (&own)[M], const Flag (&common)[N]) {
    std::vector<Flag> flags(std::begin(own), std::end(own));
    flags.insert(flags.end(), std::begin(common), std::end(common));
    return flags;
}

}  // namespace

const Program& run_sn_program() {
    static constexpr Program text{
        "run-sn", "Starts a Swarm Network node: it keeps the swarm's ledger.",
        "  run-sn --name=sn1 --host-ip=172.16.0.1 --sentinel --sn-api-port=30304 \\\n"
        "    --key=cert/sn-1-key.pem --cert=cert/sn-1-cert.pem --capath=cert/ca/capath\n"
        "It is ready when it logs: Starting SWARM-API-SERVER on port: 30304\n"};
    return text;
}

std::span<const Flag> run_sn_flags() {
    static const std::vector<Flag> flags = join(sn_flags, common_flags);
    return flags;
}

const Program& run_sl_program() {
    static constexpr Program text{
        "run-sl",
        "Starts a Swarm Learning node: it exchanges and merges the parameters of its ML program.",
        "  run-sl --name=sl1 --host-ip=172.16.0.1 --sn-ip=172.16.0.1 --sl-fs-port=30305 \\\n"
        "    --key=cert/sl-1-key.pem --cert=cert/sl-1-cert.pem --capath=cert/ca/capath \\\n"
        "    --ml-name=ml1 --ml-entrypoint=build/bin/cifar10 --ml-w=workspace \\\n"
        "    --ml-e=MAX_EPOCHS=2 --ml-e=MIN_PEERS=2\n"};
    return text;
}

std::span<const Flag> run_sl_flags() {
    static const std::vector<Flag> flags = join(sl_flags, common_flags);
    return flags;
}

}  // namespace starling
