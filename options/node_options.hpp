#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/time.hpp"

namespace starling {

// The command lines of the nodes, parsed by the same code on a host (deploy/) and in a deployment
// file of the simulator (sim/). Flags and environment names are HPE's where they mean something
// here.

struct CommonOptions {
    std::string name;                     ///< --name; default: the node name of the certificate
    std::string host_ip;                  ///< --host-ip: the address that others dial
    std::string key;                      ///< --key, SWARM_ID_KEY
    std::string cert;                     ///< --cert, SWARM_ID_CERT
    std::string ca_path;                  ///< --capath, SWARM_ID_CAPATH
    std::string ca_cert;                  ///< --cacert, SWARM_ID_CACERT
    std::string workspace = "workspace";  ///< --workspace: logs, pids, data
    std::string log_level = "info";       ///< --log-level, SWARM_LOG_LEVEL
    std::string trace;                    ///< --trace FILE; default WORKSPACE/trace/NAME.trace
    std::vector<Address> apls;  ///< licence servers, tried in order; empty: no licence is needed
    SwarmDuration apls_grace = std::chrono::hours(1);  ///< --apls-grace SECONDS
    std::uint32_t log_max_megabytes = 32;              ///< --log-max-size; 0: logs have no limit
    std::uint32_t log_files = 4;                       ///< --log-files, older ones that are kept
    std::uint16_t metrics_port = 0;    ///< --metrics-port, on 127.0.0.1; 0: no metrics
    bool detach = false;               ///< -d: go on in the background
    bool remove = false;               ///< --rm: remove the run's files at the end
    std::vector<std::string> notices;  ///< one line for each flag that has no effect here
};

/// The licence server, and the commands of its operator: issue licences, list seats, revoke them.
struct AplsOptions {
    enum class Command { serve, make_key, issue, list, revoke, allow };

    CommonOptions common;
    Command command = Command::serve;
    std::uint16_t port = 5814;                       ///< --apls-port
    std::string licence;                             ///< --licence FILE
    std::string licence_key;                         ///< --licence-key FILE: issuer's public key
    SwarmDuration lease = std::chrono::seconds(30);  ///< --lease SECONDS
    std::vector<NodeId> admins;                      ///< --admin NAME: tools that may revoke
    NodeId subject;                                  ///< of --revoke and --allow
    bool json = false;                               ///< --json, of --list
    std::string out;                                 ///< --make-key PREFIX, --issue FILE
    std::string issuer_key;                          ///< --issuer-key FILE: private key
    std::string licensee;                            ///< --licensee TEXT
    std::string server;                              ///< --server NAME
    std::uint32_t sn_seats = 0;                      ///< --seats-sn
    std::uint32_t sl_seats = 0;                      ///< --seats-sl
    std::string from;                                ///< --from DATE; empty: today
    std::string until;                               ///< --until DATE
};

struct SnOptions {
    CommonOptions common;
    bool sentinel = false;
    std::optional<Address> join;          ///< --sentinel-ip: an SN that takes this one in
    bool leave = false;                   ///< --leave
    std::vector<NodeId> rebuild_without;  ///< --rebuild-without, repeatable
    std::vector<NodeId> admins;           ///< --admin, repeatable
    std::vector<NodeId> operators;        ///< --operator, repeatable
    bool roll_only = false;               ///< --admission=roll
    std::string roll;                     ///< --roll FILE
    std::vector<NodeId> voters;           ///< --admit-sn, repeatable
    bool owners_decide = false;           ///< --owners-decide
    std::uint16_t api_port = 30304;       ///< --sn-api-port
    std::string data;  ///< -v DIR:/platform/swarm/SMLNODE; empty: in the workspace
    std::optional<std::uint16_t> p2p_port;  ///< --sn-p2p-port: for other SNs; none: the API's port
    /// --sn-election-timeout MILLISECONDS
    SwarmDuration election_timeout = std::chrono::milliseconds(500);
    /// --sn-snapshot-interval ENTRIES: a start applies about so many at most, in a second
    std::uint64_t snapshot_interval = 100'000;
    std::uint64_t archive_entries = 0;  ///< --sn-archive-entries ENTRIES; 0: none are archived
};

/// The ML program beside an SL.
struct MlOptions {
    std::string name;  ///< --ml-name, default: default_ml_name(--name); empty if both are missing
    std::string entrypoint;              ///< --ml-entrypoint: the program
    std::vector<std::string> arguments;  ///< --ml-cmd, split like a shell does (quotes, backslash)
    std::string working_directory;       ///< --ml-w
    std::string image;                   ///< --ml-image; empty: none
    std::string engine;                ///< --engine; empty: docker or podman, if there is an image
    std::vector<std::string> volumes;  ///< --ml-v HOST:CONTAINER
    std::string user;                  ///< --ml-user UID[:GID]; empty: who runs the SL
    std::vector<std::string> engine_flags;  ///< "--device=/dev/kfd": what the engine gets as it is
    std::map<std::string, std::string> environment;  ///< --ml-e NAME=VALUE, repeatable

    /// Whether run-sl is to start one; otherwise it waits for one that the user starts.
    bool configured() const { return !entrypoint.empty() || !arguments.empty() || !image.empty(); }
};

struct SlOptions {
    CommonOptions common;
    std::vector<Address> sns;           ///< APIs of SNs, tried in order
    std::uint16_t fs_port = 30305;      ///< --sl-fs-port: exchange with other SLs
    std::optional<Address> fs_service;  ///< --sl-fs-service: what other SLs dial instead
    std::string site;                   ///< --site; may be empty
    MlOptions ml;
    bool socket_only = false;  ///< --ml-socket-only: no memory is shared with the program
};

/// The ML node's name where --ml-name is missing: "ml1" for "sl1", "north-ml" for "north". At most
/// 3 bytes longer than the SL's name.
std::string default_ml_name(const std::string& sl_name);

/// Who may remove SNs at the SN `server`: --admin, or the tool that gen-cert makes beside its
/// certificate: swci1 for sn1.
std::set<NodeId> sn_admins(const SnOptions& options, const NodeId& server);

/// Who may take seats back at the licence server `server`: --admin, or the tool that gen-cert makes
/// beside its certificate: swci1 for apls1.
std::set<NodeId> licence_admins(const AplsOptions& options, const NodeId& server);

/// What parsing led to: options, or text to print (help, version; exit 0).
template <typename Options>
struct Parsed {
    std::optional<Options> options;
    std::string text;
};

/// \param arguments  without the program's name.
/// \param environment  a value there is used where the flag is missing; flags win.
/// Errc::usage names the flag, what is wrong with it, and the nearest known one.
Result<Parsed<SnOptions>> parse_run_sn(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment);
Result<Parsed<SlOptions>> parse_run_sl(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment);

Result<Parsed<AplsOptions>> parse_run_apls(const std::vector<std::string>& arguments,
                                           const std::map<std::string, std::string>& environment);

constexpr std::size_t host_name_max = 253;  ///< bytes, RFC 1035

/// What an address may be.
enum class HostNames {
    network,  ///< an IP address or a host name as in DNS
    any,  ///< also the ID of a host in a platform file, which may have spaces, apostrophes, colons
};
/// The same command lines where hosts may have other names than on a network.
Result<Parsed<SnOptions>> read_run_sn(const std::vector<std::string>& arguments,
                                      const std::map<std::string, std::string>& environment,
                                      HostNames names);
Result<Parsed<SlOptions>> read_run_sl(const std::vector<std::string>& arguments,
                                      const std::map<std::string, std::string>& environment,
                                      HostNames names);
Result<Parsed<AplsOptions>> read_run_apls(const std::vector<std::string>& arguments,
                                          const std::map<std::string, std::string>& environment,
                                          HostNames names);

}  // namespace starling
