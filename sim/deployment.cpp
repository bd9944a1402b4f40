// From an actor of a deployment file to the nodes that it starts. Command lines are parsed by the
// code of the real programs (options/), so that a deployment can be taken over unchanged; what
// differs in a simulation is checked here: addresses must be those of the platform's hosts, and
// certificates are not read.
#include "sim/deployment.hpp"

#include "transport/crypto/licence_file.hpp"

namespace starling {
namespace {

constexpr std::string_view environment_prefix = "env.";

std::string quoted(const std::string& function, const std::vector<std::string>& arguments) {
    std::string text = "'" + function;
    for (const std::string& argument : arguments) {
        text += " " + argument;
    }
    return text + "'";
}

template <typename Options>
Result<Options> accepted(Result<Parsed<Options>> parsed, const std::string& command) {
    if (!parsed) {
        return Error{Errc::usage, command + ": " + parsed.error().message};
    }
    if (!parsed->options) {
        return Error{Errc::usage,
                     command + ": requests help or version; an actor must start a node"};
    }
    return std::move(*parsed->options);
}

/// The address under which a host is dialled: --host-ip if it is one of the host's, or else its
/// `ip`.
Result<std::string> host_address(const SimEngine& engine, HostIndex host,
                                 const std::string& host_ip, const std::string& command) {
    const std::string& name = engine.host_name(host);
    const std::string own = engine.host_property(host, "ip").value_or(name);
    if (own.size() > host_name_max) {
        return Error{Errc::usage, command + ": the address of host " + name + " has more than " +
                                      std::to_string(host_name_max) +
                                      " bytes: give the host a shorter id or property 'ip'"};
    }
    if (host_ip.empty() || host_ip == own || host_ip == name) {
        return own;
    }
    return Error{Errc::usage, command + ": --host-ip " + host_ip + " is not an address of " + name +
                                  ", on which the actor is placed; that is " + own +
                                  " (property 'ip' in the platform file)"};
}

/// The name of a node without --name: ROLE-HOST. Characters of host IDs that node names can't have
/// become '-'.
std::string default_name(const std::string& role, const std::string& host) {
    std::string name = (role + "-" + host).substr(0, node_name_max);
    for (char& c : name) {
        c = parse_node_id(std::string(1, c)) ? c : '-';
    }
    return name;
}

Result<NodeId> node_name(const std::string& given, const std::string& fallback,
                         const std::string& command) {
    Result<NodeId> id = parse_node_id(given.empty() ? fallback : given);
    if (!id) {
        return Error{Errc::usage, command + ": --name: " + id.error().message};
    }
    return id;
}

bool has_certificate_flags(const CommonOptions& common) {
    return !(common.cert + common.key + common.ca_path + common.ca_cert).empty();
}

std::string socket_of(const SimEngine& engine, HostIndex host, const std::string& sl) {
    return "/" + engine.host_name(host) + "/" + sl + ".sock";
}

/// Licence servers of a node; they must be hosts of the platform.
Result<SeatOptions> seat_of(const SimEngine& engine, const CommonOptions& common,
                            const std::string& command) {
    for (const Address& server : common.apls) {
        if (!engine.find_address(server.host)) {
            return Error{Errc::usage,
                         command + ": no host of the platform has the address " + server.host +
                             " of the licence server (property 'ip', or the host's id)"};
        }
    }
    return SeatOptions{.servers = common.apls, .grace = common.apls_grace};
}

Result<std::vector<SimNodePlan>> plan_apls(const SimEngine& engine, const SimActor& actor,
                                           const std::string& command) {
    const Result<AplsOptions> options =
        accepted(read_run_apls(actor.arguments, {}, HostNames::any), command);
    if (!options) {
        return options.error();
    }
    if (options->command != AplsOptions::Command::serve) {
        return Error{Errc::usage, command + ": an actor must start a licence server"};
    }
    const std::string& host = engine.host_name(actor.host);
    const Result<NodeId> id = node_name(options->common.name, default_name("apls", host), command);
    const Result<std::string> address =
        host_address(engine, actor.host, options->common.host_ip, command);
    if (!id || !address) {
        return id ? address.error() : id.error();
    }
    Result<Licence> licence = load_licence(options->licence, options->licence_key, *id);
    if (!licence) {
        return Error{licence.error().code, command + ": " + licence.error().message};
    }
    SimNodePlan plan;
    plan.id = *id;
    plan.role = Role::apls;
    plan.host = actor.host;
    plan.listens = {*address, options->port};
    SimNodeSettings settings;
    settings.licences.id = *id;
    settings.licences.address = plan.listens;
    settings.licences.licence = std::move(*licence);
    settings.licences.lease = options->lease;
    settings.licences.admins = licence_admins(*options, *id);
    plan.settings = std::make_shared<const SimNodeSettings>(std::move(settings));
    plan.has_certificate_flags = has_certificate_flags(options->common);
    return std::vector<SimNodePlan>{plan};
}

Error unknown_address(const std::string& command, const std::string& flag,
                      const std::string& host) {
    return {Errc::usage, command + ": no host of the platform has the address " + flag + " " +
                             host + " (property 'ip', or the host's id)"};
}

Result<std::vector<SimNodePlan>> plan_sn(const SimEngine& engine, const SimActor& actor,
                                         const std::string& command) {
    const Result<SnOptions> options =
        accepted(read_run_sn(actor.arguments, {}, HostNames::any), command);
    if (!options) {
        return options.error();
    }
    const std::string& host = engine.host_name(actor.host);
    const Result<NodeId> id = node_name(options->common.name, default_name("sn", host), command);
    const Result<std::string> address =
        host_address(engine, actor.host, options->common.host_ip, command);
    if (!id || !address) {
        return id ? address.error() : id.error();
    }
    Result<SeatOptions> seat = seat_of(engine, options->common, command);
    if (!seat) {
        return seat.error();
    }
    if (options->join && !engine.find_address(options->join->host)) {
        return unknown_address(command, "--sentinel-ip", options->join->host);
    }
    SimNodePlan plan;
    plan.id = *id;
    plan.role = Role::sn;
    plan.host = actor.host;
    plan.listens = {*address, options->api_port};
    SimNodeSettings settings;
    settings.peer_listens = {*address, options->p2p_port.value_or(options->api_port)};
    settings.sentinel = options->join;
    settings.election_timeout = options->election_timeout;
    settings.seat = std::move(*seat);
    plan.settings = std::make_shared<const SimNodeSettings>(std::move(settings));
    plan.has_certificate_flags = has_certificate_flags(options->common);
    return std::vector<SimNodePlan>{plan};
}

Result<std::vector<SimNodePlan>> plan_sl(const SimEngine& engine, const SimActor& actor,
                                         const std::string& command) {
    const Result<SlOptions> options =
        accepted(read_run_sl(actor.arguments, {}, HostNames::any), command);
    if (!options) {
        return options.error();
    }
    const std::string& host = engine.host_name(actor.host);
    const Result<NodeId> id = node_name(options->common.name, default_name("sl", host), command);
    const Result<std::string> address =
        host_address(engine, actor.host, options->common.host_ip, command);
    if (!id || !address) {
        return id ? address.error() : id.error();
    }
    for (const Address& sn : options->sns) {
        if (!engine.find_address(sn.host)) {
            return unknown_address(command, "--sn-ip", sn.host);
        }
    }
    Result<SeatOptions> seat = seat_of(engine, options->common, command);
    if (!seat) {
        return seat.error();
    }
    SimNodePlan sl;
    SimNodeSettings settings;
    settings.sns = options->sns;
    settings.site = options->site;
    settings.seat = std::move(*seat);
    sl.settings = std::make_shared<const SimNodeSettings>(std::move(settings));
    sl.id = *id;
    sl.role = Role::sl;
    sl.host = actor.host;
    sl.listens = {*address, options->fs_port};
    sl.socket = socket_of(engine, actor.host, id->name);
    sl.has_certificate_flags = has_certificate_flags(options->common);
    std::vector<SimNodePlan> plans{sl};
    if (options->ml.configured()) {
        const std::string fallback =
            options->ml.name.empty() ? default_ml_name(id->name) : options->ml.name;
        const Result<NodeId> ml_id = node_name(options->ml.name, fallback, command);
        if (!ml_id) {
            return ml_id.error();
        }
        SimNodePlan ml;
        ml.id = *ml_id;
        ml.role = Role::ml;
        ml.host = actor.host;
        ml.socket = sl.socket;
        SimNodeSettings ml_settings;
        ml_settings.program = options->ml;
        ml_settings.properties = actor.properties;
        ml.settings = std::make_shared<const SimNodeSettings>(std::move(ml_settings));
        plans.push_back(std::move(ml));
    }
    return plans;
}

Result<std::vector<SimNodePlan>> plan_ml(const SimEngine& engine, const SimActor& actor,
                                         const std::string& command) {
    const auto property = [&](const std::string& key) {
        const auto found = actor.properties.find(key);
        return found == actor.properties.end() ? std::string() : found->second;
    };
    if (property("sl").empty()) {
        return Error{
            Errc::usage,
            command + ": an ml actor needs <prop id=\"sl\" value=\"NAME\"/>, the SL of its host"};
    }
    const Result<NodeId> id = node_name(property("name"), default_ml_name(property("sl")), command);
    if (!id) {
        return id.error();
    }
    SimNodePlan plan;
    plan.id = *id;
    plan.role = Role::ml;
    plan.host = actor.host;
    plan.socket = socket_of(engine, actor.host, property("sl"));
    SimNodeSettings settings;
    settings.program.name = id->name;
    settings.program.entrypoint = property("entrypoint");
    settings.program.arguments = actor.arguments;
    settings.program.working_directory = property("working_directory");
    settings.properties = actor.properties;
    for (const auto& [key, value] : actor.properties) {
        if (key.starts_with(environment_prefix)) {
            settings.program.environment[key.substr(environment_prefix.size())] = value;
        }
    }
    plan.settings = std::make_shared<const SimNodeSettings>(std::move(settings));
    return std::vector<SimNodePlan>{plan};
}

}  // namespace

Result<void> check_actor(const std::string& function, const std::vector<std::string>& arguments) {
    const std::string command = quoted(function, arguments);
    if (function == "run-sn") {
        const auto options = accepted(read_run_sn(arguments, {}, HostNames::any), command);
        return options ? Result<void>() : options.error();
    }
    if (function == "run-sl") {
        const auto options = accepted(read_run_sl(arguments, {}, HostNames::any), command);
        return options ? Result<void>() : options.error();
    }
    if (function == "run-apls") {
        const auto options = accepted(read_run_apls(arguments, {}, HostNames::any), command);
        return options ? Result<void>() : options.error();
    }
    if (function != "ml") {
        return Error{Errc::usage,
                     "unknown function " + command + ": one of run-apls, run-sn, run-sl, ml"};
    }
    return {};
}

Result<std::vector<SimNodePlan>> plan_nodes(const SimEngine& engine, const SimActor& actor) {
    const std::string command = quoted(actor.function, actor.arguments);
    if (auto checked = check_actor(actor.function, actor.arguments); !checked) {
        return checked.error();
    }
    if (actor.function == "run-apls") {
        return plan_apls(engine, actor, command);
    }
    if (actor.function == "run-sn") {
        return plan_sn(engine, actor, command);
    }
    return actor.function == "run-sl" ? plan_sl(engine, actor, command)
                                      : plan_ml(engine, actor, command);
}

}  // namespace starling
