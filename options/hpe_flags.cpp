// Flags and variables of HPE's programs that mean nothing here. Those that describe a container or
// its network are accepted with a notice, so that scripts written for HPE's programs work
// unchanged. Those on whose effect a user relies are refused, since ignoring them would be wrong.
#include "options/hpe_flags.hpp"

namespace starling {
namespace {

constexpr std::string_view group =
    "Flags of HPE's command lines that have no effect or are not possible here";
constexpr std::string_view own_network = "a node is a process of this host and uses its network";
constexpr std::string_view no_image = "a node is a program of this host, not a container's image";
constexpr std::string_view no_spiffe =
    "identities are X.509 files: give --key, --cert and --capath; they may change while a node "
    "runs";

constexpr Flag none(std::string_view name, std::string_view value, std::string_view reason,
                    std::string_view short_name = "") {
    return {name, value, group, "", "", no_effect(reason, short_name)};
}
constexpr Flag refused(std::string_view name, std::string_view value, std::string_view reason,
                       std::string_view environment = "") {
    const FlagExtras extras{.repeatable = true, .effect = FlagEffect::refused, .reason = reason};
    return {name, value, group, "", environment, extras};
}

constexpr Flag common[] = {
    none("--hostname", "NAME", "a node is a process of this host and has the host's name", "-h"),
    none("--network", "NAME", own_network),
    none("--ip", "ADDRESS", "a node has the addresses of this host; --host-ip selects one"),
    none("--dns", "ADDRESS", own_network),
    none("--label", "TEXT", "there is no container to label", "-l"),
    none("--publish", "PORTS", "a node's ports are this host's; nothing needs to be published",
         "-p"),
    none("--user", "USER", "a node runs as the user who starts it", "-u"),
    none("--workdir", "DIR", "paths are relative to the directory where the node is started", "-w"),
    none("--interactive", "", "a node reads nothing from its standard input", "-i"),
    none("--tty", "", "a node needs no terminal", "-t"),
    none("--pull", "", no_image),
    none("--sudo", "", "no container engine is used, so no permissions are needed for one"),
    none("--image", "IMAGE", no_image),
    none("--image-name", "NAME", no_image),
    none("--image-tag", "TAG", no_image),
    none("--apls-pdf", "FILE", "only the licence server reads its licence (run-apls --licence)"),
    refused("--cmd", "WORDS", "a node has no command of its own; --ml-cmd is the ML program's"),
    refused("--sidecar", "NAME", "the only sidecar is the ML program: --ml-name and related flags"),
    refused("--volumes-from-main", "", "the ML program has access to this host's files"),
    refused("--pid-main", "", "the ML program is a process of this host"),
    refused("--socket-path", "PATH", no_spiffe, "SWARM_SPIFFE_WORKLOAD_API_SOCKET_PATH"),
};

constexpr Flag sn[] = {
    none("--sn-api-service", "NAME",
         "clients specify this SN's address (--sn-ip or --sn-api-service)"),
    none("--sn-p2p-service", "NAME", "other SNs get --host-ip and --sn-p2p-port"),
};

constexpr Flag sl[] = {
    refused("--sn-docker-name", "NAME", "specify the SN's address with --sn-ip"),
    refused("--sn-image", "IMAGE", "specify the SN's address with --sn-ip"),
};

constexpr std::string_view no_leader =
    "there is no leading member: each merges its share of the parameters";

constexpr std::string_view no_proxy =
    "nodes dial each other directly; --sl-fs-service names a TLS-passthrough proxy";

constexpr Variable variables[] = {
    {"http_proxy", FlagEffect::none, no_proxy},
    {"https_proxy", FlagEffect::none, no_proxy},
    {"no_proxy", FlagEffect::none, no_proxy},
    {"SN_START_MINING", FlagEffect::none, "the ledger is not a proof-of-work chain"},
    {"SN_ETH_PORT_EXT", FlagEffect::none, "the ledger is not an Ethereum chain; see --sn-p2p-port"},
    {"SN_ETH_P2P_SERVICE", FlagEffect::none, "the ledger is not an Ethereum chain"},
    {"SL_MAKE_ME_ADMIN", FlagEffect::none, no_leader},
    {"SL_LEADER_FAILURE_BASE_TIMEOUT", FlagEffect::none,
     "there is no leading member, and a failed one is detected within seconds"},
    {"SL_WAIT_FOR_FULL_QUORUM_SECONDS", FlagEffect::none,
     "the program sets it (SwarmCallbackOptions::grace, 30 s by default)"},
    {"SL_RAM_INTENSIVE", FlagEffect::none, "merging works by segments and needs little memory"},
    {"SL_MODEL_PARAMS_COMPRESSION_THRESHOLD_MB", FlagEffect::none, "parameters are not compressed"},
    {"SL_REQUEST_CHANNEL", FlagEffect::none,
     "SL and ML communicate over a Unix socket, SWARM_SL_SOCKET"},
    {"SL_RESPONSE_CHANNEL", FlagEffect::none,
     "SL and ML communicate over a Unix socket, SWARM_SL_SOCKET"},
    {"SL_LOG_LEVEL", FlagEffect::none, "SWARM_LOG_LEVEL applies to all nodes"},
    {"LOGS_DIR", FlagEffect::none, "logs go to WORKSPACE/log (--workspace)"},
    {"USR_DIR", FlagEffect::none, "paths are relative to the directory where the node is started"},
    {"SWCI_RUN_TASK_MAX_WAIT_TIME", FlagEffect::none, "it applies to swci, and there are no tasks"},
    {"SWCI_GENERIC_TASK_MAX_WAIT_TIME", FlagEffect::none,
     "it applies to swci, and there are no tasks"},
    {"SWCI_MODE", FlagEffect::none, "swci is a command, without a web server"},
    {"SWCI_STARTUP_SCRIPT", FlagEffect::none, "swci reads commands from its standard input"},
    {"SWCI_WEB_PORT", FlagEffect::none, "swci is a command, without a web server"},
    {"SWOP_PROFILE", FlagEffect::none, "there is no SWOP: start the pairs with run-sl"},
    {"SWOP_KEEP_CONTAINERS", FlagEffect::none, "there is no SWOP: start the pairs with run-sl"},
    {"SWOP_UID", FlagEffect::none, "there is no SWOP: start the pairs with run-sl"},
    {"SWOP_GID", FlagEffect::none, "there is no SWOP: start the pairs with run-sl"},
    {"SWOP_DOCKER_GID", FlagEffect::none, "there is no SWOP: start the pairs with run-sl"},
};

}  // namespace

std::span<const Flag> hpe_common_flags() { return common; }
std::span<const Flag> hpe_sn_flags() { return sn; }
std::span<const Flag> hpe_sl_flags() { return sl; }
std::span<const Variable> hpe_variables() { return variables; }

}  // namespace starling
