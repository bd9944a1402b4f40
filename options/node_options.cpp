// From flags to the options of nodes: types, ranges and combinations are checked here, with errors
// that name the flag or variable, before anything is started. Simulations use the same code, with
// host names as the platform has them (HostNames::any).
#include "options/node_options.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "options/node_flags.hpp"
#include "options/shell_words.hpp"

namespace starling {
namespace {

constexpr std::size_t path_max = 4096;        // bytes of a path, Linux
constexpr std::size_t variable_max = 131072;  // bytes of one argument or variable, Linux
constexpr std::uint16_t apls_port_default = 5814;
constexpr std::uint32_t grace_seconds_max = 2592000;  // 30 days
constexpr std::uint32_t seats_max = 1'000'000;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::uint16_t default_sn_port = 30304;
constexpr std::uint32_t log_megabytes_max = 1'000'000;
constexpr std::uint32_t log_files_max = 1000;

bool is_host(const std::string& text, HostNames names) {
    const bool spelled =
        names == HostNames::any || std::all_of(text.begin(), text.end(), [](char c) {
            return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
        });
    return spelled && !text.empty() && text.size() <= host_name_max && text.front() != '-';
}

/// 0.0.0.0 and the like, in all spellings that the operating system accepts. Others can't dial it.
bool is_wildcard(const std::string& text) {
    in_addr four{};
    in6_addr six{};
    if (::inet_aton(text.c_str(), &four) != 0) {
        return four.s_addr == 0;
    }
    const std::string plain = text.substr(0, text.find('%'));
    return ::inet_pton(AF_INET6, plain.c_str(), &six) == 1 &&
           (IN6_IS_ADDR_UNSPECIFIED(&six) ||
            (IN6_IS_ADDR_V4MAPPED(&six) &&
             std::all_of(six.s6_addr + 12, six.s6_addr + 16,
                         [](std::uint8_t byte) { return byte == 0; })));
}

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Reads values from the flags and keeps the first error.
class ValueReader {
public:
    ValueReader(const FlagValues& values, std::string_view program, HostNames names)
        : values_(values), program_(program), names_(names) {}

    std::uint16_t port(std::string_view flag, std::uint16_t fallback) {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return fallback;
        }
        std::uint32_t number = 0;
        const char* end = value->text.data() + value->text.size();
        const auto [rest, code] = std::from_chars(value->text.data(), end, number);
        if (code != std::errc{} || rest != end || number == 0 || number > 65535) {
            fail(*value, "is not a port: a whole number from 1 to 65535");
            return fallback;
        }
        return static_cast<std::uint16_t>(number);
    }

    /// A whole number from `least` to `most`.
    std::uint32_t number(std::string_view flag, std::uint32_t least, std::uint32_t most,
                         std::uint32_t fallback) {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return fallback;
        }
        std::uint32_t number = 0;
        const char* end = value->text.data() + value->text.size();
        const auto [rest, code] = std::from_chars(value->text.data(), end, number);
        if (code != std::errc{} || rest != end || number < least || number > most) {
            fail(*value, "is not a whole number from " + std::to_string(least) + " to " +
                             std::to_string(most));
            return fallback;
        }
        return number;
    }

    std::string host(std::string_view flag) {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return "";
        }
        if (!is_host(value->text, names_)) {
            fail(*value, "is not an IP address or host name");
        }
        refuse_wildcard(*value, value->text);
        return value->text;
    }

    /// HOST or HOST:PORT; an IPv6 address with a port is in brackets.
    std::optional<Address> service(std::string_view flag, std::uint16_t port_default) {
        const FlagValues::Value* value = values_.find(flag);
        return value == nullptr ? std::nullopt
                                : std::optional<Address>(address_of(*value, port_default));
    }

    Address address_of(const FlagValues::Value& value, std::uint16_t port_default) {
        std::string host = value.text;
        std::uint32_t port = port_default;
        const std::size_t colon = host.rfind(':');
        const bool bracketed = host.front() == '[';
        const bool has_port = colon != std::string::npos && colon > 0 &&
                              (bracketed ? host[colon - 1] == ']' : host.find(':') == colon) &&
                              (names_ == HostNames::network || is_number(host.substr(colon + 1)));
        if (has_port) {
            const char* end = host.data() + host.size();
            const auto [rest, code] = std::from_chars(host.data() + colon + 1, end, port);
            if (code != std::errc{} || rest != end || port == 0 || port > 65535) {
                fail(value, "has no port from 1 to 65535 after its colon");
            }
            host.resize(colon);
        }
        if (bracketed && host.size() > 2) {
            host = host.substr(1, host.size() - 2);
        }
        if (!is_host(host, names_)) {
            fail(value, "is not HOST or HOST:PORT");
        }
        refuse_wildcard(value, host);
        return Address{host, static_cast<std::uint16_t>(port)};
    }

    /// All values of a repeatable flag.
    std::vector<Address> services(std::string_view flag, std::uint16_t port_default) {
        std::vector<Address> addresses;
        for (const FlagValues::Value& value : values_.all(flag)) {
            addresses.push_back(address_of(value, port_default));
        }
        return addresses;
    }

    /// All values of a repeatable flag.
    std::vector<std::string> all(std::string_view flag) const {
        std::vector<std::string> texts;
        for (const FlagValues::Value& value : values_.all(flag)) {
            texts.push_back(value.text);
        }
        return texts;
    }

    std::string name(std::string_view flag) {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return "";
        }
        // It becomes part of file names: no hidden file, no "..", nothing like a flag.
        if (!parse_node_id(value->text) || value->text.front() == '.' ||
            value->text.front() == '-') {
            fail(*value,
                 "is not a node name: 1 to 64 characters from A-Z a-z 0-9 . _ -, the first neither "
                 ". nor -");
        }
        return value->text;
    }

    std::vector<NodeId> names(std::string_view flag) {
        std::vector<NodeId> names;
        for (const FlagValues::Value& value : values_.all(flag)) {
            Result<NodeId> name = parse_node_id(value.text);
            if (!name) {
                fail(value, "is not a node name: " + name.error().message);
                continue;
            }
            names.push_back(std::move(*name));
        }
        return names;
    }

    std::string path(std::string_view flag, std::string_view fallback = "") {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return std::string(fallback);
        }
        if (value->text.size() > path_max || value->text.find('\0') != std::string::npos) {
            fail(*value, "is no path");
        }
        return value->text;
    }

    std::string log_level(std::string_view flag) {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return "info";
        }
        std::string level = value->text;
        std::transform(level.begin(), level.end(), level.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        if (level == "warn") {
            level = "warning";
        }
        if (level != "debug" && level != "info" && level != "warning" && level != "error") {
            fail(*value, "is not a level: one of debug, info, warning, error");
        }
        return level;
    }

    std::vector<std::string> words(std::string_view flag) {
        const FlagValues::Value* value = values_.find(flag);
        if (value == nullptr) {
            return {};
        }
        Result<std::vector<std::string>> words = shell_words(value->text);
        if (!words) {
            fail(*value, "can't be split into words: " + words.error().message);
            return {};
        }
        return std::move(*words);
    }

    std::map<std::string, std::string> variables(std::string_view flag) {
        std::map<std::string, std::string> variables;
        for (const FlagValues::Value& value : values_.all(flag)) {
            const std::size_t equals = value.text.find('=');
            const std::string name = value.text.substr(0, equals);
            const bool spelled = std::all_of(name.begin(), name.end(),
                                             [](char c) { return is_alphanumeric(c) || c == '_'; });
            if (equals == std::string::npos || name.empty() || !spelled ||
                (name.front() >= '0' && name.front() <= '9') || value.text.size() > variable_max ||
                value.text.find('\0') != std::string::npos) {
                fail(value,
                     "is not NAME=VALUE, with a NAME of A-Z a-z 0-9 _ that does not begin with a "
                     "digit");
                continue;
            }
            if (!variables.emplace(name, value.text.substr(equals + 1)).second) {
                fail(value, "sets " + name + " a second time");
            }
        }
        return variables;
    }

    void refuse(const std::string& what) {
        if (!error_) {
            error_ = Error{Errc::usage, what + ". See " + std::string(program_) + " --help"};
        }
    }
    const std::optional<Error>& error() const { return error_; }

private:
    void refuse_wildcard(const FlagValues::Value& value, const std::string& host) {
        if (names_ == HostNames::network && is_wildcard(host)) {
            fail(value, "means every address of a host: name one that other nodes can dial");
        }
    }
    void fail(const FlagValues::Value& value, const std::string& what) {
        refuse(value.source + ": '" + value.text.substr(0, shown_max) + "' " + what);
    }

    const FlagValues& values_;
    std::string_view program_;
    HostNames names_;
    std::optional<Error> error_;
};

CommonOptions read_common(const FlagValues& values, ValueReader& reader) {
    CommonOptions common;
    common.name = reader.name("--name");
    common.host_ip = reader.host("--host-ip");
    common.key = reader.path("--key");
    common.cert = reader.path("--cert");
    common.ca_path = reader.path("--capath");
    common.ca_cert = reader.path("--cacert");
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
    if (common.key.empty() != common.cert.empty()) {
        reader.refuse(common.key.empty() ? "--cert is given without --key"
                                         : "--key is given without --cert");
    }
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
