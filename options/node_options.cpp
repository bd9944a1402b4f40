// From flags to the options of nodes: types, ranges and combinations are checked here, with errors
// that name the flag or variable, before anything is started. Simulations use the same code, with
// host names as the platform has them (HostNames::any).
#include "options/node_options.hpp"

#include "options/node_flags.hpp"
#include "options/value_reader.hpp"

namespace starling {
namespace {

constexpr std::uint16_t apls_port_default = 5814;
constexpr std::uint32_t grace_seconds_max = 2592000;  // 30 days
constexpr std::uint32_t seats_max = 1'000'000;
constexpr std::uint16_t default_sn_port = 30304;
constexpr std::uint32_t log_megabytes_max = 1'000'000;
constexpr std::uint32_t log_files_max = 1000;

CommonOptions read_common(const FlagValues& values, ValueReader& reader) {
    CommonOptions common;
    common.name = reader.name("--name");
    common.host_ip = reader.host("--host-ip");
    reader.identity(common);
    common.workspace = reader.path("--workspace", common.workspace);
    common.log_level = reader.log_level("--log-level");
    common.trace = reader.path("--trace");
    common.detach = values.has("--detach");
    common.remove = values.has("--rm");
    common.notices = values.notices();
    common.log_max_megabytes =
        reader.number("--log-max-size", 0, log_megabytes_max, common.log_max_megabytes);
    common.log_files = reader.number("--log-files", 0, log_files_max, common.log_files);
    common.metrics_port = reader.port("--metrics-port", common.metrics_port);
    return common;
}

/// Volumes of a node: HPE's mount of the ledger has an effect here, others don't.
std::string read_volumes(ValueReader& reader, bool keeps_ledger, CommonOptions& common) {
    constexpr std::string_view ledger_mount = "/platform/swarm/SMLNODE";
    std::string data;
    for (const std::string& volume : reader.all("--volume")) {
        const std::size_t colon = volume.find(':');
        const std::string_view target =
            colon == std::string::npos ? "" : std::string_view(volume).substr(colon + 1);
        if (keeps_ledger &&
            (target == ledger_mount || target == std::string(ledger_mount) + ":rw")) {
            data = volume.substr(0, colon);
        } else {
            common.notices.push_back("--volume " + volume +
                                     " has no effect here: a node has access to this host's files");
        }
    }
    return data;
}

MlOptions read_ml(const FlagValues& values, ValueReader& reader, const CommonOptions& common) {
    MlOptions ml;
    ml.name = reader.name("--ml-name");
    ml.entrypoint = reader.path("--ml-entrypoint");
    ml.arguments = reader.words("--ml-cmd");
    ml.working_directory = reader.path("--ml-w");
    ml.environment = reader.variables("--ml-e");
    ml.image = values.text("--ml-image");
    ml.engine = reader.path("--engine");
    ml.volumes = reader.all("--ml-v");
    ml.user = values.text("--ml-user");
    if (ml.image.starts_with('-')) {
        reader.refuse("--ml-image: '" + ml.image + "' is not an image name");
    }
    for (const std::string_view flag :
         {"--device", "--ipc", "--shm-size", "--group-add", "--cap-add", "--security-opt"}) {
        for (const std::string& text : reader.all("--ml-" + std::string(flag.substr(2)))) {
            ml.engine_flags.push_back(std::string(flag) + "=" + text);
        }
    }
    if (values.has("--ml-privileged")) {
        ml.engine_flags.emplace_back("--privileged");
    }
    if (ml.name.empty() && !common.name.empty()) {
        ml.name = default_ml_name(common.name);
    }
    return ml;
}

/// --sentinel-ip or --sentinel-api-service; nothing with --sentinel.
std::optional<Address> read_join(const FlagValues& values, ValueReader& reader) {
    const std::uint16_t port = reader.port("--sentinel-api-port", default_sn_port);
    std::optional<Address> join = reader.service("--sentinel-ip", port);
    if (!join) {
        join = reader.service("--sentinel-api-service", port);
    }
    if (join && values.has("--sentinel")) {
        reader.refuse("--sentinel creates a ledger, --sentinel-ip joins one: use only one of them");
    }
    return join;
}

/// The given one of two names of a flag.
std::string_view either(const FlagValues& values, std::string_view flag, std::string_view other) {
    return values.has(flag) ? flag : other;
}

void read_seat(const FlagValues& values, ValueReader& reader, CommonOptions& common) {
    const std::string first = reader.host(either(values, "--apls-ip", "--primary-apls-ip"));
    const std::uint16_t port =
        reader.port(either(values, "--apls-port", "--primary-apls-port"), apls_port_default);
    const std::string second = reader.host("--secondary-apls-ip");
    if (!first.empty()) {
        common.apls.push_back({first, port});
    }
    if (!second.empty()) {
        common.apls.push_back({second, reader.port("--secondary-apls-port", port)});
    }
    common.apls_grace =
        std::chrono::seconds(reader.number("--apls-grace", 0, grace_seconds_max, 3600));
}

/// Reads the command of run-apls, and checks that its required flags are given.
void read_command(const FlagValues& values, ValueReader& reader, AplsOptions& options) {
    using Command = AplsOptions::Command;
    struct Row {
        std::string_view flag;
        Command command;
        std::vector<std::string_view> needs;
    };
    const Row rows[] = {
        {"--make-key", Command::make_key, {}},
        {"--issue", Command::issue, {"--issuer-key", "--licensee", "--until"}},
        {"--list", Command::list, {}},
        {"--revoke", Command::revoke, {}},
        {"--allow", Command::allow, {}},
    };
    std::vector<std::string_view> needs = {"--licence", "--licence-key", "--host-ip"};
    std::string_view chosen;
    for (const Row& row : rows) {
        if (!values.has(row.flag)) {
            continue;
        }
        if (!chosen.empty()) {
            reader.refuse(std::string(chosen) + " and " + std::string(row.flag) +
                          " are given; use only one of them");
        }
        chosen = row.flag;
        options.command = row.command;
        needs = row.needs;
    }
    const bool is_query = options.command == Command::list || options.command == Command::revoke ||
                          options.command == Command::allow;
    if (is_query && options.common.apls.empty()) {
        reader.refuse("--apls-ip is missing: the address of the licence server");
    }
    for (const std::string_view flag : needs) {
        if (!values.has(flag)) {
            reader.refuse(std::string(flag) + " is missing" +
                          (chosen.empty() ? "" : " with " + std::string(chosen)));
        }
    }
}

/// Parses by the table and passes the values to `read`, which fills in the options.
template <typename Options, typename Read>
Result<Parsed<Options>> parse(const Program& program, std::span<const Flag> flags,
                              const std::vector<std::string>& arguments,
                              const std::map<std::string, std::string>& environment,
                              HostNames names, Read read) {
    Result<ParsedFlags> parsed = parse_flags(program, flags, arguments, environment);
    if (!parsed) {
        return parsed.error();
    }
    if (!parsed->values) {
        return Parsed<Options>{std::nullopt, std::move(parsed->text)};
    }
    ValueReader reader(*parsed->values, program.name, names);
    Options options;
    options.common = read_common(*parsed->values, reader);
    read(*parsed->values, reader, options);
    if (reader.error()) {
        return *reader.error();
    }
    return Parsed<Options>{std::move(options), ""};
}

}  // namespace

std::string default_ml_name(const std::string& sl_name) {
    return sl_name.starts_with("sl") ? "ml" + sl_name.substr(2) : sl_name + "-ml";
}

namespace {

std::set<NodeId> admins_of(const std::vector<NodeId>& given, std::string_view prefix,
                           const NodeId& server) {
    if (given.empty() && server.name.starts_with(prefix)) {
        return {{"swci" + server.name.substr(prefix.size())}};
    }
    return {given.begin(), given.end()};
}

}  // namespace

std::set<NodeId> licence_admins(const AplsOptions& options, const NodeId& server) {
    return admins_of(options.admins, "apls", server);
}

std::set<NodeId> sn_admins(const SnOptions& options, const NodeId& server) {
    return admins_of(options.admins, "sn", server);
}

Result<Parsed<SnOptions>> parse_run_sn(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment) {
    return read_run_sn(arguments, environment, HostNames::network);
}

Result<Parsed<SlOptions>> parse_run_sl(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment) {
    return read_run_sl(arguments, environment, HostNames::network);
}

Result<Parsed<AplsOptions>> parse_run_apls(const std::vector<std::string>& arguments,
                                           const std::map<std::string, std::string>& environment) {
    return read_run_apls(arguments, environment, HostNames::network);
}

Result<Parsed<SnOptions>> read_run_sn(const std::vector<std::string>& arguments,
                                      const std::map<std::string, std::string>& environment,
                                      HostNames names) {
    return parse<SnOptions>(
        run_sn_program(), run_sn_flags(), arguments, environment, names,
        [](const FlagValues& values, ValueReader& reader, SnOptions& options) {
            read_seat(values, reader, options.common);
            options.data = read_volumes(reader, true, options.common);
            options.sentinel = values.has("--sentinel");
            options.leave = values.has("--leave");
            options.admins = reader.names("--admin");
            options.operators = reader.names("--operator");
            options.voters = reader.names("--admit-sn");
            options.owners_decide = values.has("--owners-decide");
            options.roll = reader.path("--roll");
            const std::string admission = values.text("--admission");
            options.roll_only = admission == "roll";
            if (!admission.empty() && !options.roll_only && admission != "first-contact") {
                reader.refuse("--admission is first-contact or roll, not '" +
                              admission.substr(0, 64) + "'");
            }
            options.rebuild_without = reader.names("--rebuild-without");
            if (options.leave && !options.rebuild_without.empty()) {
                reader.refuse("--leave and --rebuild-without are opposites");
            }
            options.join = read_join(values, reader);
            if (values.has("--sn-p2p-port")) {
                options.p2p_port = reader.port("--sn-p2p-port", 0);
            }
            options.api_port = reader.port("--sn-api-port", options.api_port);
            options.election_timeout =
                std::chrono::milliseconds(reader.number("--sn-election-timeout", 100, 60'000, 500));
            options.snapshot_interval = static_cast<std::uint64_t>(
                reader.number("--sn-snapshot-interval", 100, 10'000'000, 100'000));
            options.archive_entries =
                static_cast<std::uint64_t>(reader.number("--sn-archive-entries", 0, 10'000'000, 0));
            if (options.archive_entries > 0 && options.archive_entries < 100) {
                reader.refuse("--sn-archive-entries is 0, or 100 to 10000000");
            }
        });
}

Result<Parsed<SlOptions>> read_run_sl(const std::vector<std::string>& arguments,
                                      const std::map<std::string, std::string>& environment,
                                      HostNames names) {
    return parse<SlOptions>(
        run_sl_program(), run_sl_flags(), arguments, environment, names,
        [](const FlagValues& values, ValueReader& reader, SlOptions& options) {
            read_seat(values, reader, options.common);
            read_volumes(reader, false, options.common);
            const std::uint16_t port = reader.port("--sn-api-port", default_sn_port);
            options.sns = reader.services("--sn-ip", port);
            if (options.sns.empty()) {
                options.sns = reader.services("--sn-api-service", port);
            }
            if (options.sns.empty()) {
                reader.refuse("--sn-ip is missing");
            }
            options.fs_port = reader.port("--sl-fs-port", options.fs_port);
            options.fs_service = reader.service("--sl-fs-service", options.fs_port);
            options.site = reader.name("--site");
            options.ml = read_ml(values, reader, options.common);
            options.socket_only = values.has("--ml-socket-only");
        });
}

Result<Parsed<AplsOptions>> read_run_apls(const std::vector<std::string>& arguments,
                                          const std::map<std::string, std::string>& environment,
                                          HostNames names) {
    return parse<AplsOptions>(
        run_apls_program(), run_apls_flags(), arguments, environment, names,
        [](const FlagValues& values, ValueReader& reader, AplsOptions& options) {
            options.port = reader.port("--apls-port", options.port);
            const std::string server =
                reader.host(values.has("--apls-ip") ? "--apls-ip" : "--host-ip");
            if (!server.empty()) {
                options.common.apls = {{server, options.port}};
            }
            read_command(values, reader, options);
            options.licence = reader.path("--licence");
            options.licence_key = reader.path("--licence-key");
            options.lease = std::chrono::seconds(reader.number("--lease", 3, 86400, 30));
            options.admins = reader.names("--admin");
            options.subject.name = reader.name(values.has("--revoke") ? "--revoke" : "--allow");
            options.json = values.has("--json");
            options.out = reader.path(values.has("--make-key") ? "--make-key" : "--issue");
            options.issuer_key = reader.path("--issuer-key");
            options.licensee = values.text("--licensee");
            options.server = reader.name("--server");
            options.sn_seats = reader.number("--seats-sn", 0, seats_max, 0);
            options.sl_seats = reader.number("--seats-sl", 0, seats_max, 0);
            options.from = values.text("--from");
            options.until = values.text("--until");
        });
}

}  // namespace starling
