#include "deploy/swci/swci_options.hpp"

#include <charconv>

#include "deploy/swci/swci_command.hpp"
#include "options/flag_table.hpp"

namespace starling {
namespace {

constexpr std::string_view network = "Network";
constexpr std::string_view identity = "Identity";
constexpr std::string_view output = "Output";

constexpr Flag flags[] = {
    {"--sn-ip", "ADDRESS", network,
     "IP address or host name of an SN; the next one is asked if it can't be reached", "SN_NODE_IP",
     FlagExtras{.required = true, .repeatable = true}},
    {"--sn-api-port", "PORT", network, "Their port, 1 to 65535; default: 30304",
     "SN_API_SERVER_PORT"},
    {"--timeout", "SECONDS", network, "Wait for an answer, 1 to 3600 s; default: 10"},
    {"--key", "FILE", identity, "Private key, PEM", "SWARM_ID_KEY"},
    {"--cert", "FILE", identity, "Certificate of a tool (gen-cert makes swci-N-cert.pem), PEM",
     "SWARM_ID_CERT"},
    {"--capath", "DIR", identity, "Directory of trusted CA certificates (*.pem)",
     "SWARM_ID_CAPATH"},
    {"--cacert", "FILE", identity, "File of trusted CA certificates, instead of --capath",
     "SWARM_ID_CACERT"},
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

/// A whole number from 1 to `most`, or nothing.
std::optional<std::uint32_t> number(const std::string& text, std::uint32_t most) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, code] = std::from_chars(text.data(), end, value);
    return code == std::errc{} && rest == end && value >= 1 && value <= most
               ? std::optional<std::uint32_t>(value)
               : std::nullopt;
}

Error wrong(const FlagValues::Value& value, const std::string& what) {
    return {Errc::usage,
            value.source + ": '" + value.text.substr(0, 64) + "' " + what + ". See swci --help"};
}

}  // namespace

Result<Parsed<SwciOptions>> parse_swci(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment) {
    Result<ParsedFlags> parsed = parse_flags(swci_program(), flags, arguments, environment);
    if (!parsed) {
        return parsed.error();
    }
    if (!parsed->values) {
        return Parsed<SwciOptions>{std::nullopt, std::move(parsed->text)};
    }
    const FlagValues& values = *parsed->values;
    SwciOptions options;
    std::uint16_t port = 30304;
    if (const FlagValues::Value* value = values.find("--sn-api-port")) {
        const auto given = number(value->text, 65535);
        if (!given) {
            return wrong(*value, "is not a port: a whole number from 1 to 65535");
        }
        port = static_cast<std::uint16_t>(*given);
    }
    if (const FlagValues::Value* value = values.find("--timeout")) {
        const auto given = number(value->text, 3600);
        if (!given) {
            return wrong(*value, "is not a number of seconds from 1 to 3600");
        }
        options.timeout = std::chrono::seconds(*given);
    }
    for (const FlagValues::Value& value : values.all("--sn-ip")) {
        if (value.text.find_first_of(" /\t\n") != std::string::npos || value.text.size() > 253) {
            return wrong(value, "is not an IP address or host name");
        }
        options.servers.push_back({value.text, port});
    }
    options.common.key = values.text("--key");
    options.common.cert = values.text("--cert");
    options.common.ca_path = values.text("--capath");
    options.common.ca_cert = values.text("--cacert");
    if (options.common.key.empty() != options.common.cert.empty()) {
        return Error{Errc::usage, options.common.key.empty()
                                      ? "--cert is given without --key. See swci --help"
                                      : "--key is given without --cert. See swci --help"};
    }
    options.json = values.has("--json");
    options.command = values.operands();
    if (values.has("--ca")) {
        options.command.push_back("--ca=" + values.text("--ca"));
    }
    return Parsed<SwciOptions>{std::move(options), ""};
}

}  // namespace starling
