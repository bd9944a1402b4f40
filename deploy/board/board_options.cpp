#include "deploy/board/board_options.hpp"

#include <asio/ip/address.hpp>

#include "options/value_reader.hpp"

namespace starling {
namespace {

constexpr std::string_view recorded_group = "Recorded or simulated run";
constexpr std::string_view live_group = "Live swarm";
constexpr std::string_view page_group = "Page";

constexpr Flag board_flags[] = {
    {"--traces", "FILE", recorded_group,
     "Trace of a node or a simulation, which may still grow; further files may follow", "",
     FlagExtras{.repeatable = true}},
    {"--beside", "FILE", recorded_group,
     "Trace of another run to compare with, as of its rehearsal; further files may follow", "",
     FlagExtras{.repeatable = true}},
    {"--sn-ip", "ADDRESS", live_group,
     "IP address or host name of an SN; the next one is asked if it can't be reached", "",
     FlagExtras{.repeatable = true}},
    {"--sn-api-port", "PORT", live_group, "Their port, 1 to 65535; default: 30304"},
    {"--apls-ip", "ADDRESS", live_group,
     "IP address or host name of the licence server, to show its seats; the next one is asked if "
     "it "
     "can't be reached",
     "", FlagExtras{.repeatable = true}},
    {"--apls-port", "PORT", live_group, "Their port, 1 to 65535; default: 5814"},
    {"--contract", "NAME", live_group, "Follow the rounds of this contract; default: default"},
    {"--html", "FILE", page_group, "Write the page with the run in it to this file, and end"},
    {"--timeline", "FILE", page_group,
     "Write the run's timeline for ui.perfetto.dev or chrome://tracing to this file, and end"},
    {"--port", "PORT", page_group, "Serve the page on 127.0.0.1, 1 to 65535; default: 30380"},
    {"--listen", "ADDRESS:PORT", page_group,
     "Serve it on this IP address; beyond this machine over TLS only, with --token-file or "
     "--client-ca"},
    {"--tls-cert", "FILE", page_group,
     "Certificate that browsers see, PEM; default: that of --cert"},
    {"--tls-key", "FILE", page_group, "Its private key, PEM; default: that of --key"},
    {"--token-file", "FILE", page_group,
     "Who has this token may read the page: https://ADDRESS:PORT/?token=TOKEN once, or the header "
     "Authorization: Bearer TOKEN"},
    {"--client-ca", "PATH", page_group,
     "Who has a certificate of one of these CAs may read the page: a PEM file, or a directory of "
     "*.pem files"},
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
        "From another machine: ssh -L 30380:127.0.0.1:30380 HOST, or over TLS:\n"
        "  openssl rand -hex 32 > token; chmod 600 token\n"
        "  swarm-board --traces sim.trace --listen=10.0.0.5:30380 --tls-cert=cert.pem "
        "--tls-key=key.pem --token-file=token\n",
        "[FILE...]", "Traces, as with --traces.\n"};
    return program;
}

/// Where the page is served, and to whom.
void read_place(const FlagValues& values, ValueReader& reader, BoardOptions& options) {
    options.listen.port = reader.port("--port", options.listen.port);
    if (const auto listen = reader.listen_address("--listen")) {
        options.listen = *listen;
        if (values.has("--port")) {
            reader.refuse("--port and --listen exclude each other");
        }
    }
    options.tls_cert = reader.path("--tls-cert");
    options.tls_key = reader.path("--tls-key");
    options.token_file = reader.path("--token-file");
    options.client_ca = reader.path("--client-ca");
    asio::error_code ignored;  // it is an IP address
    const bool here = asio::ip::make_address(options.listen.host.c_str(), ignored).is_loopback();
    options.tls = !here || !options.tls_cert.empty() || !options.token_file.empty() ||
                  !options.client_ca.empty();
    if (!options.tls) {
        return;
    }
    if (options.tls_cert.empty() != options.tls_key.empty()) {
        reader.refuse(options.tls_key.empty() ? "--tls-cert is given without --tls-key"
                                              : "--tls-key is given without --tls-cert");
    }
    if (options.tls_cert.empty()) {
        options.tls_cert = options.common.cert;
        options.tls_key = options.common.key;
    }
    const std::string place = here ? "This page" : "A page on another address than loopback";
    if (options.tls_cert.empty()) {
        reader.refuse(place + " is served over TLS only: --tls-cert and --tls-key are missing");
    }
    if (options.token_file.empty() == options.client_ca.empty()) {
        reader.refuse(options.token_file.empty()
                          ? place +
                                " is not shown to everybody: --token-file or --client-ca is missing"
                          : "--token-file and --client-ca exclude each other");
    }
}

}  // namespace

Result<Parsed<BoardOptions>> parse_board(const std::vector<std::string>& arguments,
                                         const std::map<std::string, std::string>& environment) {
    const std::vector<Flag> table =
        join_flags({board_flags, identity_flags(live_group, tool_cert_help)});
    Result<ParsedFlags> parsed = parse_flags(board_program(), table, arguments, environment);
    if (!parsed) {
        return parsed.error();
    }
    if (!parsed->values) {
        return Parsed<BoardOptions>{std::nullopt, std::move(parsed->text)};
    }
    const FlagValues& values = *parsed->values;
    ValueReader reader(values, board_program().name, HostNames::network);
    BoardOptions options;
    options.traces = reader.all("--traces");
    options.traces.insert(options.traces.end(), values.operands().begin(), values.operands().end());
    options.beside = reader.all("--beside");
    options.servers = reader.services("--sn-ip", reader.port("--sn-api-port", 30304));
    options.common.apls = reader.services("--apls-ip", reader.port("--apls-port", 5814));
    reader.identity(options.common);
    if (options.traces.empty() == options.servers.empty()) {
        reader.refuse(options.traces.empty()
                          ? "Nothing to show: trace files are missing, or --sn-ip"
                          : "--sn-ip and trace files exclude each other");
    }
    if (options.servers.empty() && !options.common.apls.empty()) {
        reader.refuse("--apls-ip is for a live swarm, with --sn-ip");
    }
    options.html = reader.path("--html");
    options.timeline = reader.path("--timeline");
    if (!options.servers.empty() && !(options.html.empty() && options.timeline.empty())) {
        reader.refuse("--html and --timeline need trace files");
    }
    options.title = values.text("--title");
    options.contract = values.text("--contract", "default");
    read_place(values, reader, options);
    if (reader.error()) {
        return *reader.error();
    }
    return Parsed<BoardOptions>{std::move(options), ""};
}

}  // namespace starling
