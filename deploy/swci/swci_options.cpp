#include "deploy/swci/swci_options.hpp"

#include "deploy/swci/swci_command.hpp"
#include "options/value_reader.hpp"

namespace starling {
namespace {

constexpr std::string_view network = "Network";
constexpr std::string_view output = "Output";

constexpr Flag flags[] = {
    {"--sn-ip", "ADDRESS", network,
     "IP address or host name of an SN; the next one is asked if it can't be reached", "SN_NODE_IP",
     FlagExtras{.required = true, .repeatable = true}},
    {"--sn-api-port", "PORT", network, "Their port, 1 to 65535; default: 30304",
     "SN_API_SERVER_PORT"},
    {"--timeout", "SECONDS", network, "Wait for an answer, 1 to 3600 s; default: 10"},
    {"--ca", "FINGERPRINT", "Of admit", "The CA that issued the name's certificate: see list roll"},
    {"--json", "", output, "Print the SN's JSON, one answer per line"},
};

const Program& swci_program() {
    static const std::string commands =
        "Commands, in any case (NAME is a contract; default: " + std::string(default_contract) +
        "; for remove server, an SN):\n" + swci_commands_help(false) +
        "Without a command, commands are read from standard input, one per line; help lists "
        "them.\n";
    static const Program program{
        "swci",
        "Shows the state of the swarm, as a Swarm Network node knows it; changes the roll, and "
        "removes "
        "an SN that is lost permanently.",
        "  export SWARM_ID_KEY=cert/swci-1-key.pem SWARM_ID_CERT=cert/swci-1-cert.pem\n"
        "  export SWARM_ID_CAPATH=cert/ca/capath\n"
        "  swci --sn-ip=172.1.1.1 list nodes\n"
        "  swci --sn-ip=172.1.1.1 --sn-ip=172.2.2.2 --json show contract default\n"
        "  swci --sn-ip=172.1.1.1 watch\n"
        "  swci --sn-ip=172.1.1.1 remove server sn2\n"
        "  swci --sn-ip=172.1.1.1 admit server sn3\n"
        "Exit codes: 0 answered, 1 not found, 2 usage error, 3 refused, 5 no SN "
        "reached.\n",
        "[COMMAND]", commands};
    return program;
}

}  // namespace

Result<Parsed<SwciOptions>> parse_swci(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment) {
    const std::vector<Flag> table = join_flags({flags, identity_flags("Identity", tool_cert_help)});
    Result<ParsedFlags> parsed = parse_flags(swci_program(), table, arguments, environment);
    if (!parsed) {
        return parsed.error();
    }
    if (!parsed->values) {
        return Parsed<SwciOptions>{std::nullopt, std::move(parsed->text)};
    }
    const FlagValues& values = *parsed->values;
    ValueReader reader(values, swci_program().name, HostNames::network);
    SwciOptions options;
    options.timeout = std::chrono::seconds(reader.number("--timeout", 1, 3600, 10));
    options.servers = reader.services("--sn-ip", reader.port("--sn-api-port", 30304));
    reader.identity(options.common);
    if (reader.error()) {
        return *reader.error();
    }
    options.json = values.has("--json");
    options.command = values.operands();
    if (values.has("--ca")) {
        options.command.push_back("--ca=" + values.text("--ca"));
    }
    return Parsed<SwciOptions>{std::move(options), ""};
}

}  // namespace starling
