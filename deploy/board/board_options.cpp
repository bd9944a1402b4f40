#include "deploy/board/board_options.hpp"

#include <charconv>

#include "options/flag_table.hpp"

namespace starling {
namespace {

constexpr std::string_view recorded_group = "Recorded or simulated run";
constexpr std::string_view live_group = "Live swarm";
constexpr std::string_view page_group = "Page";

constexpr Flag board_flags[] = {
    {"--traces", "FILE", recorded_group,
     "Trace of a node or a simulation, which may still grow; further files may follow", "",
     FlagExtras{.repeatable = true}},
    {"--sn-ip", "ADDRESS", live_group,
     "IP address or host name of an SN; the next one is asked if it can't be reached", "",
     FlagExtras{.repeatable = true}},
    {"--sn-api-port", "PORT", live_group, "Their port, 1 to 65535; default: 30304"},
    {"--contract", "NAME", live_group, "Follow the rounds of this contract; default: default"},
    {"--key", "FILE", live_group, "Private key of a tool, PEM", "SWARM_ID_KEY"},
    {"--cert", "FILE", live_group, "Certificate of a tool (gen-cert makes swci-N-cert.pem), PEM",
     "SWARM_ID_CERT"},
    {"--capath", "DIR", live_group, "Directory of trusted CA certificates (*.pem)",
     "SWARM_ID_CAPATH"},
    {"--cacert", "FILE", live_group, "File of trusted CA certificates, instead of --capath",
     "SWARM_ID_CACERT"},
    {"--html", "FILE", page_group, "Write the page with the run in it to this file, and end"},
    {"--timeline", "FILE", page_group,
     "Write the run's timeline for ui.perfetto.dev or chrome://tracing to this file, and end"},
    {"--port", "PORT", page_group, "Serve the page on 127.0.0.1, 1 to 65535; default: 30380"},
    {"--title", "TEXT", page_group, "Heading of the page"},
};

const Program& board_program() {
    static const Program program{
        "swarm-board",
        "Shows a run of a swarm as a page: a recorded or simulated one by its traces, also while "
        "they grow, or a live one by joining an SN as a tool. It reads only.",
        "  swarm-board host-*/trace/*.trace --html run.html\n"
        "  swarm-board --traces sim.trace\n"
        "  swarm-board --sn-ip=172.1.1.1 --key=cert/swci-1-key.pem --cert=cert/swci-1-cert.pem "
        "--capath=cert/ca/capath\n"
        "From another machine: ssh -L 30380:127.0.0.1:30380 HOST\n",
        "[FILE...]", "Traces, as with --traces.\n"};
    return program;
}

Result<std::uint16_t> port_of(const FlagValues& values, std::string_view flag,
                              std::uint16_t otherwise) {
    const FlagValues::Value* value = values.find(flag);
    if (value == nullptr) {
        return otherwise;
    }
    std::uint16_t port = 0;
    const char* end = value->text.data() + value->text.size();
    const auto [rest, code] = std::from_chars(value->text.data(), end, port);
    if (code != std::errc{} || rest != end || port == 0) {
        return Error{Errc::usage, value->source + ": '" + value->text.substr(0, shown_max) +
                                      "' is not a port: a whole number from 1 to 65535. See "
                                      "swarm-board --help"};
    }
    return port;
}

Error board_usage(const std::string& what) {
    return {Errc::usage, what + ". See swarm-board --help"};
}

}  // namespace

Result<Parsed<BoardOptions>> parse_board(const std::vector<std::string>& arguments,
                                         const std::map<std::string, std::string>& environment) {
    Result<ParsedFlags> parsed = parse_flags(board_program(), board_flags, arguments, environment);
    if (!parsed) {
        return parsed.error();
    }
    if (!parsed->values) {
        return Parsed<BoardOptions>{std::nullopt, std::move(parsed->text)};
    }
    const FlagValues& values = *parsed->values;
    BoardOptions options;
    for (const FlagValues::Value& value : values.all("--traces")) {
        options.traces.push_back(value.text);
    }
    options.traces.insert(options.traces.end(), values.operands().begin(), values.operands().end());
    const Result<std::uint16_t> sn_port = port_of(values, "--sn-api-port", 30304);
    const Result<std::uint16_t> port = port_of(values, "--port", options.port);
    if (!sn_port || !port) {
        return sn_port ? port.error() : sn_port.error();
    }
    options.port = *port;
    for (const FlagValues::Value& value : values.all("--sn-ip")) {
        options.servers.push_back({value.text, *sn_port});
    }
    if (options.traces.empty() == options.servers.empty()) {
        return board_usage(options.traces.empty()
                               ? "Nothing to show: trace files are missing, or --sn-ip"
                               : "--sn-ip and trace files exclude each other");
    }
    options.html = values.text("--html");
    options.timeline = values.text("--timeline");
    if (!options.servers.empty() && !(options.html.empty() && options.timeline.empty())) {
        return board_usage("--html and --timeline need trace files");
    }
    options.title = values.text("--title");
    options.contract = values.text("--contract", "default");
    options.common.key = values.text("--key");
    options.common.cert = values.text("--cert");
    options.common.ca_path = values.text("--capath");
    options.common.ca_cert = values.text("--cacert");
    return Parsed<BoardOptions>{std::move(options), ""};
}

}  // namespace starling
