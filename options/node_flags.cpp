// The flags of run-sn, run-sl and run-apls as tables, from which flag_table.cpp builds the parser
// and
// --help. Names and environment variables are HPE's wherever the meaning is the same; HPE's other
// flags are in hpe_flags.cpp.
#include "options/node_flags.hpp"

#include "options/hpe_flags.hpp"

namespace starling {
namespace {

constexpr std::string_view node = "Node";
constexpr std::string_view network = "Network";
constexpr std::string_view output = "Files and logs";
constexpr std::string_view licence = "Licence";
constexpr std::string_view container = "Container of the ML program (--ml-w is a path in it)";
constexpr std::string_view program = "ML program of this SL";

constexpr Flag common_flags[] = {
    {"--name", "NAME", node,
     "Local name of the node: log, pid file, data; default: the certificate's name"},
    {"--detach", "", node,
     "Continue in the background once the node and its ML program are up; if they fail, exit with "
     "their exit code and reason",
     "", FlagExtras{.short_name = "-d"}},
    {"--env", "NAME=VALUE", node, "Sets a variable as if it were in this program's environment", "",
     FlagExtras{.repeatable = true, .short_name = "-e"}},
    {"--volume", "DIR:PATH", node,
     "run-sn keeps its ledger in DIR if PATH is /platform/swarm/SMLNODE; others have no effect", "",
     FlagExtras{.repeatable = true, .short_name = "-v"}},
    {"--rm", "", node, "Remove the node's log, trace and data at its end, unless its start failed"},
    {"--workspace", "DIR", output,
     "Directory for logs, pid files, traces and data; default: workspace"},
    {"--trace", "FILE", output, "Trace file; default: WORKSPACE/trace/NAME.trace"},
    {"--metrics-port", "PORT", output,
     "Serve metrics for Prometheus at http://127.0.0.1:PORT/metrics; default: none"},
    {"--log-max-size", "MB", output,
     "Rotate the logs of the node and of the ML program at this size; 0: never; default: "
     "32"},
    {"--log-files", "N", output, "Number of older log files to keep: NAME.log.1 ...; default: 4"},
    {"--log-level", "LEVEL", output,
     "Lowest level of log lines: debug, info, warning or error; default: info", "SWARM_LOG_LEVEL"},
};

constexpr Flag seat_flags[] = {
    {"--apls-ip", "ADDRESS", licence,
     "Licence server that grants a seat; default: no seat is needed (also --primary-apls-ip)",
     "SWARM_LICENSE_AUTOPASSJ_SERVER_PRIMARY_IP"},
    {"--apls-port", "PORT", licence,
     "Its port, 1 to 65535; default: 5814 (also --primary-apls-port)",
     "SWARM_LICENSE_AUTOPASSJ_SERVER_PRIMARY_PORT"},
    {"--secondary-apls-ip", "ADDRESS", licence,
     "Licence server to ask if the first grants no seat; default: none",
     "SWARM_LICENSE_AUTOPASSJ_SERVER_SECONDARY_IP"},
    {"--secondary-apls-port", "PORT", licence, "Its port; default: that of the first",
     "SWARM_LICENSE_AUTOPASSJ_SERVER_SECONDARY_PORT"},
    {"--primary-apls-ip", "ADDRESS", licence, "The same as --apls-ip"},
    {"--primary-apls-port", "PORT", licence, "The same as --apls-port"},
    {"--apls-grace", "SECONDS", licence,
     "How long to continue if no licence server can be reached, 0 to 2592000 s; default: 3600"},
};

constexpr Flag sn_flags[] = {
    {"--sentinel", "", node, "This SN creates the ledger; the same as omitting --sentinel-ip",
     "SN_I_AM_SENTINEL"},
    {"--sentinel-ip", "HOST[:PORT]", node,
     "With an empty disk, join the SNs of this address; default: create a ledger",
     "SENTINEL_NODE_IP"},
    {"--sentinel-api-port", "PORT", node, "Its API port, 1 to 65535; default: 30304",
     "SENTINEL_API_SERVER_PORT"},
    {"--leave", "", node,
     "Remove this SN from the swarm permanently, and exit without serving; use after stop-swarm, "
     "with "
     "the SN's usual flags"},
    {"--rebuild-without", "NAME", node,
     "If the majority of the SNs is lost: continue alone from this SN's ledger, permanently "
     "without the named SN; name all others. Use once, not at later starts",
     "", FlagExtras{.repeatable = true}},
    {"--admin", "NAME", node,
     "A tool that may change the roll (swci admit, expel) and remove an SN; needs a certificate "
     "from this SN's CA; the first SN's value applies; default: swci1 for sn1, and so on",
     "", FlagExtras{.repeatable = true}},
    {"--operator", "NAME", node,
     "A tool that may only remove nodes (swci expel, remove server); same form as --admin", "",
     FlagExtras{.repeatable = true}},
    {"--admission", "first-contact|roll", node,
     "Who may join: first-contact (any certificate from a trusted CA; a name is bound to the CA "
     "first seen with it) or roll (names on the roll only); the first SN's value applies; default: "
     "first-contact"},
    {"--roll", "FILE", node,
     "First SN only: admitted names, one per line: NAME, or NAME and its CA's fingerprint "
     "(swci list roll)"},
    {"--admit-sn", "NAME", node,
     "First SN only: an SN of another CA that is a voter once it joins; else it is a learner until "
     "an administrator runs swci admit server NAME",
     "", FlagExtras{.repeatable = true}},
    {"--owners-decide", "", node,
     "First SN only: a majority of the owners (CAs that have a member) may also make an SN a "
     "voter, or expel one. A tool of each runs swci admit server NAME, or expel NAME"},
    {"--sentinel-api-service", "HOST[:PORT]", node, "The same as --sentinel-ip",
     "SENTINEL_API_SERVICE"},
    {"--host-ip", "ADDRESS", network, "IP address or host name that other nodes dial",
     "THIS_NODE_IP", FlagExtras{.required = true}},
    {"--sn-p2p-port", "PORT", network,
     "Separate port for other SNs, 1 to 65535; default: --sn-api-port (30303 is customary)"},
    {"--sn-api-port", "PORT", network, "Port for SLs and tools, 1 to 65535; default: 30304",
     "SN_API_SERVER_PORT"},
    {"--sn-election-timeout", "MILLISECONDS", network,
     "Election timeout in milliseconds, randomised from this to twice this, 100 to 60000; the same "
     "at all SNs, and more than twice the round trip between any two; default: 500"},
    {"--sn-snapshot-interval", "ENTRIES", node,
     "Entries of the ledger after which its state is stored, for the next start and for SNs that "
     "join, 100 to 10000000; the same at all SNs; default: 100000"},
    {"--sn-archive-entries", "ENTRIES", node,
     "Moves the oldest entries of the ledger into files of so many each, in ledger.archive beside "
     "it, once two later states are stored: 100 to 10000000, 262144 is a good choice; default: 0, "
     "all stay in one file"},
};

constexpr Flag sl_flags[] = {
    {"--host-ip", "ADDRESS", network, "IP address or host name that other SLs dial", "THIS_NODE_IP",
     FlagExtras{.required = true}},
    {"--sn-ip", "HOST[:PORT]", network,
     "IP address or host name of an SN; if it fails, the next one is used (required, or "
     "--sn-api-service)",
     "SN_NODE_IP", FlagExtras{.repeatable = true}},
    {"--sn-api-service", "HOST[:PORT]", network, "The same as --sn-ip", "SN_API_SERVICE",
     FlagExtras{.repeatable = true}},
    {"--sn-api-port", "PORT", network, "Port of the SNs, 1 to 65535; default: 30304",
     "SN_API_SERVER_PORT"},
    {"--sl-fs-port", "PORT", network,
     "Port for the exchange with other SLs, 1 to 65535; default: 30305", "SL_FS_PORT"},
    {"--sl-fs-service", "HOST[:PORT]", network,
     "Address that other SLs dial instead, if a TLS-passthrough proxy is in front of this host",
     "SL_FS_SERVICE"},
    {"--site", "NAME", network,
     "Where this host is: members that name the same site are near to each other, and a large "
     "distance is crossed once for all of them; default: none"},
    {"--ml-name", "NAME", program,
     "Name of the ML node; default: --name with 'ml' in place of 'sl', else NAME-ml"},
    {"--ml-entrypoint", "PROGRAM", program,
     "Program to start; a path is relative to --ml-w, a plain name is searched for in PATH"},
    {"--ml-cmd", "WORDS", program,
     "Its arguments, split like in a shell, or none; without --ml-entrypoint the first is the "
     "program",
     "", FlagExtras{.may_be_empty = true}},
    {"--ml-w", "DIR", program, "Its working directory; default: that of run-sl"},
    {"--ml-e", "NAME=VALUE", program, "Sets a variable of its environment", "",
     FlagExtras{.repeatable = true}},
    {"--ml-socket-only", "", program,
     "Exchange parameters with it through its socket alone; default: through memory that both "
     "share, where possible"},
    {"--ml-image", "IMAGE", container,
     "Run the ML program in a container of this image; default: a plain process"},
    {"--engine", "NAME", container,
     "docker, podman, the path of a compatible engine, or none; default: the first one in PATH"},
    {"--ml-v", "DIR:PATH", container,
     "Mounts a directory of this host; without a container PATH becomes a link to it", "",
     FlagExtras{.repeatable = true}},
    {"--ml-user", "UID[:GID]", container,
     "User and group that it runs as; default: those of run-sl"},
    {"--ml-device", "DEVICE", container, "Passed to the engine as --device", "",
     FlagExtras{.repeatable = true}},
    {"--ml-ipc", "MODE", container, "Passed to the engine as --ipc"},
    {"--ml-shm-size", "SIZE", container, "Passed to the engine as --shm-size"},
    {"--ml-group-add", "GROUP", container, "Passed to the engine as --group-add", "",
     FlagExtras{.repeatable = true}},
    {"--ml-cap-add", "CAPABILITY", container, "Passed to the engine as --cap-add", "",
     FlagExtras{.repeatable = true}},
    {"--ml-security-opt", "OPTION", container, "Passed to the engine as --security-opt", "",
     FlagExtras{.repeatable = true}},
    {"--ml-privileged", "", container, "Passed to the engine as --privileged"},
};

constexpr std::string_view serve = "Serve";
constexpr std::string_view query = "Query a running server, as a tool (role tool in --cert)";
constexpr std::string_view issue = "Issue licences";

constexpr Flag apls_flags[] = {
    {"--licence", "FILE", serve, "Signed licence file, as --issue writes it"},
    {"--licence-key", "FILE", serve, "Public key of its issuer, PEM"},
    {"--host-ip", "ADDRESS", serve, "IP address or host name that nodes dial"},
    {"--apls-port", "PORT", serve, "Port, 1 to 65535; default: 5814"},
    {"--lease", "SECONDS", serve,
     "Time after which a seat that was not renewed is free, 3 to 86400 s; default: 30"},
    {"--admin", "NAME", serve,
     "A tool that may use --revoke and --allow; default: swci1 for apls1, and so on", "",
     FlagExtras{.repeatable = true}},
    {"--list", "", query, "Show the licence, the holders of seats and the barred nodes"},
    {"--json", "", query, "With --list: as JSON"},
    {"--revoke", "NAME", query, "Revoke this node's seat, and refuse it from now on"},
    {"--allow", "NAME", query, "Allow this node to have a seat again"},
    {"--apls-ip", "ADDRESS", query, "The server; default: --host-ip"},
    {"--make-key", "PREFIX", issue,
     "Create the issuer's keys: PREFIX-key.pem (keep it secret) and PREFIX-public.pem"},
    {"--issue", "FILE", issue, "Write a signed licence"},
    {"--issuer-key", "FILE", issue, "Private key to sign it with"},
    {"--licensee", "TEXT", issue, "Name of the licensee, 1 to 200 bytes"},
    {"--seats-sn", "N", issue, "Number of SNs at a time, 0 to 1000000; default: 0"},
    {"--seats-sl", "N", issue, "Number of SLs at a time, 0 to 1000000; default: 0"},
    {"--from", "DATE", issue, "First day, UTC, as 2026-11-30; default: today"},
    {"--until", "DATE", issue, "Last day, UTC"},
    {"--server", "NAME", issue, "The only licence server that may use it; default: any"},
};

/// The flags of an identity, of a node.
std::array<Flag, 4> node_identity() {
    return identity_flags("Identity", "Certificate that names the node and its role, PEM");
}

}  // namespace

const Program& run_sn_program() {
    static const Program text{
        "run-sn",
        "Starts a Swarm Network node, which keeps the swarm's ledger.",
        "  run-sn --name=sn1 --host-ip=172.16.0.1 --sentinel --sn-api-port=30304 \\\n"
        "    --key=cert/sn-1-key.pem --cert=cert/sn-1-cert.pem --capath=cert/ca/capath\n"
        "It is ready when it logs: Starting SWARM-API-SERVER on port: 30304\n",
        "",
        "",
        hpe_variables()};
    return text;
}

std::span<const Flag> run_sn_flags() {
    static const std::vector<Flag> flags = join_flags(
        {sn_flags, seat_flags, node_identity(), common_flags, hpe_sn_flags(), hpe_common_flags()});
    return flags;
}

const Program& run_sl_program() {
    static const Program text{
        "run-sl",
        "Starts a Swarm Learning node, which exchanges and merges the parameters of its ML "
        "program.",
        "  run-sl --name=sl1 --host-ip=172.16.0.1 --sn-ip=172.16.0.1 --sl-fs-port=30305 \\\n"
        "    --key=cert/sl-1-key.pem --cert=cert/sl-1-cert.pem --capath=cert/ca/capath \\\n"
        "    --ml-name=ml1 --ml-entrypoint=build/bin/cifar10 --ml-w=workspace \\\n"
        "    --ml-e=MAX_EPOCHS=2 --ml-e=MIN_PEERS=2\n",
        "",
        "",
        hpe_variables()};
    return text;
}

std::span<const Flag> run_sl_flags() {
    static const std::vector<Flag> flags = join_flags(
        {sl_flags, seat_flags, node_identity(), common_flags, hpe_sl_flags(), hpe_common_flags()});
    return flags;
}

const Program& run_apls_program() {
    static constexpr Program text{
        "run-apls",
        "Starts a licence server, issues licences, or manages the seats of a running server.",
        "  run-apls --make-key issuer\n"
        "  run-apls --issue licence.txt --issuer-key issuer-key.pem --licensee 'Two hospitals' \\\n"
        "    --seats-sn 1 --seats-sl 2 --until 2027-12-31\n"
        "  run-apls --host-ip=172.16.0.1 --licence=licence.txt --licence-key=issuer-public.pem \\\n"
        "    --key=cert/apls-1-key.pem --cert=cert/apls-1-cert.pem --capath=cert/ca/capath\n"
        "  run-apls --list --apls-ip=172.16.0.1 \\\n"
        "    --key=cert/swci-1-key.pem --cert=cert/swci-1-cert.pem --capath=cert/ca/capath\n"
        "It is ready when it logs: Licence server is ready on port: 5814\n"};
    return text;
}

std::span<const Flag> run_apls_flags() {
    static const std::vector<Flag> flags = join_flags({apls_flags, node_identity(), common_flags});
    return flags;
}

}  // namespace starling
