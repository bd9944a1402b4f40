// run-sn: a Swarm Network node on a host.

#include <iterator>

#include "core/base/names_text.hpp"
#include "core/files/read_file.hpp"
#include "core/licence/licensed_node.hpp"
#include "core/node/dial_watch.hpp"
#include "core/sn/rebuild.hpp"
#include "core/sn/sn_node.hpp"
#include "deploy/host/endpoint_watch.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/host/node_start.hpp"
#include "deploy/host/service_notice.hpp"
#include "deploy/metrics/metrics_exporter.hpp"
#include "deploy/process/signal_thread.hpp"
#include "deploy/programs/node_main.hpp"
#include "deploy/storage/session_file.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/ports.hpp"
#include "transport/thread_worker.hpp"
#include "transport/tls/node_keys.hpp"

namespace starling {
namespace {

constexpr std::string_view program = "run-sn";
constexpr std::uint64_t roll_bytes_max = std::uint64_t{1} << 20U;

/// --rebuild-without: continues this SN's ledger alone. In one write, so that a crash leaves either
/// the old ledger or the new epoch; the same command can be repeated.
Result<void> rebuild(const RebuildOptions& options, SqliteStore::Opened& ledger, TraceLog& log) {
    Result<Rebuild> rebuilt = rebuild_alone(ledger.log, options);
    if (!rebuilt) {
        return rebuilt.error();
    }
    if (rebuilt->done()) {
        log.line(Level::warning, program,
                 "this SN continues alone since entry " + std::to_string(rebuilt->first) +
                     " already, as an earlier start requested: start it without --rebuild-without "
                     "from now on");
        return {};
    }
    const std::vector<StoreWrite> writes = {Persist{rebuilt->first, rebuilt->records},
                                            PersistVote{rebuilt->vote}};
    if (const Result<void> written = ledger.store->write(writes); !written) {
        return written;
    }
    ledger.log.vote = rebuilt->vote;
    std::move(rebuilt->records.begin(), rebuilt->records.end(),
              std::back_inserter(ledger.log.records));
    log.line(Level::warning, program,
             "this SN continues alone from entry " + std::to_string(rebuilt->first - 1) +
                 ", without " + names_text(options.without) +
                 ", permanently: a new epoch of the ledger begins with entry " +
                 std::to_string(rebuilt->first) +
                 ". To join again they must start with an empty disk and --sentinel-ip");
    return {};
}

Result<std::vector<AdmittedName>> read_roll(const std::string& file) {
    if (file.empty()) {
        return std::vector<AdmittedName>{};
    }
    const Result<std::string> text = read_whole_file(file, roll_bytes_max);
    if (!text) {
        return Error{text.error().code, "--roll " + text.error().message};
    }
    Result<std::vector<AdmittedName>> roll = parse_roll(*text);
    return roll ? std::move(roll)
                : Error{Errc::usage, "--roll " + file + ", " + roll.error().message};
}

Address api_address(const SnOptions& options) { return {options.common.host_ip, options.api_port}; }

/// The address at which other SNs dial this one.
Address peer_address(const SnOptions& options) {
    return {options.common.host_ip, options.p2p_port.value_or(options.api_port)};
}

TlsEndpointOptions endpoint_options(const SnOptions& options, const NodeHost& host,
                                    std::uint64_t session, MetricsExporter& metrics) {
    TlsEndpointOptions endpoint = host.endpoint_options(Role::sn);
    endpoint.session = session;
    endpoint.reached_as = {options.common.host_ip};
    endpoint.listen = {{api_address(options), sn_api_accepts()}};
    endpoint.refused = [&metrics] { metrics.count_refused(); };
    if (options.p2p_port) {
        endpoint.listen.push_back({peer_address(options), sn_p2p_accepts()});
    }
    return endpoint;
}

/// Without signer and log, which can't be copied.
Result<SnNodeOptions> node_options(const SnOptions& options, const NodeId& id,
                                   std::uint64_t session, std::uint64_t number) {
    SnNodeOptions node;
    node.id = id;
    node.admins = sn_admins(options, id);
    node.operators = {options.operators.begin(), options.operators.end()};
    Result<std::vector<AdmittedName>> roll = read_roll(options.roll);
    if (!roll) {
        return roll.error();
    }
    node.founder_rules = {
        .admission = options.roll_only ? Admission::roll : Admission::first_contact,
        .roll = std::move(*roll),
        .voters = options.voters,
        .owners_decide = options.owners_decide};
    node.verifier = make_node_verifier();
    node.api_address = api_address(options);
    node.peer_address = peer_address(options);
    node.sentinel = options.join;
    node.leave = options.leave;
    node.election_timeout = options.election_timeout;
    node.session = session;
    node.number = number;
    node.seed = number;
    return node;
}

/// Runs the node until it ends.
Result<int> run_on(const SnOptions& options, NodeHost& host, SqliteStore::Opened ledger,
                   PolledEndpoint& endpoint, MetricsExporter& metrics, std::uint64_t session) {
    Result<std::shared_ptr<const NodeSigner>> signer =
        make_node_signer(host.identity, host.id, Role::sn);
    if (!signer) {
        return signer.error();
    }
    const std::uint64_t number = server_number(openssl_hasher(), host.id, session);
    if (!options.rebuild_without.empty()) {
        const RebuildOptions rebuilding{.id = host.id,
                                        .api_address = api_address(options),
                                        .peer_address = peer_address(options),
                                        .session = session,
                                        .number = number,
                                        .without = options.rebuild_without,
                                        .signer = **signer};
        if (const auto done = rebuild(rebuilding, ledger, *host.log); !done) {
            return done.error();
        }
    }
    Result<SnNodeOptions> sn_options = node_options(options, host.id, session, number);
    if (!sn_options) {
        return sn_options.error();
    }
    sn_options->signer = std::move(*signer);
    sn_options->log = std::move(ledger.log);
    sn_options->memory.snapshot_interval = options.snapshot_interval;
    sn_options->memory.archive = [&store = *ledger.store](std::uint64_t index) {
        return store.record(index);
    };
    sn_options->memory.link = [&store = *ledger.store](std::uint64_t index) {
        return store.link(index);
    };
    const std::unique_ptr<Node> node = watch_dials(
        make_licensed_node(make_sn_node(std::move(*sn_options), openssl_hasher()),
                           {.servers = options.common.apls, .grace = options.common.apls_grace}),
        {sentinel_target(options.join), licence_target(options.common.apls)});
    EndpointWatch watch(endpoint, [&](const Input& input) { metrics.count_input(input); });
    ThreadWorker worker(endpoint, openssl_hasher());
    const SignalThread signals(
        [&](const std::string& signal) {
            notify_stopping();
            endpoint.post(StopRequested{signal});
        },
        [&] { endpoint.reload(); });
    NodeStart start_sink(metrics.sink(), host,
                         {!options.common.apls.empty(), "", "api_ready",
                          "does not serve yet: it waits for other SNs of this swarm"});
    return run_node(*node, watch, ledger.store.get(), worker, start_sink);
}

/// Opens ledger, metrics and ports, and runs the node.
Result<int> open_and_run(const SnOptions& options, NodeHost& host) {
    const std::filesystem::path data = options.data.empty() ? host.workspace.data_dir(host.name)
                                                            : std::filesystem::path(options.data);
    if (const Result<void> made = make_private_directory(data); !made) {
        return made.error();
    }
    Result<SqliteStore::Opened> ledger = SqliteStore::open(
        data / "ledger.sqlite", openssl_hasher(),
        {options.archive_entries,
         [&host](const std::string& note) { host.log->line(Level::warning, program, note); }});
    if (!ledger) {
        return ledger.error();
    }
    for (const std::string& note : ledger->notes) {
        host.log->line(Level::warning, program, note);
    }
    ledger->store->reserve();
    MetricsExporter metrics(host.id, Role::sn, *host.log);
    if (const auto ok = metrics.serve(options.common.metrics_port); !ok) {
        return ok.error();
    }
    const Result<std::uint64_t> session = next_session(data);
    if (!session) {
        return session.error();
    }
    const TlsEndpointOptions listening = endpoint_options(options, host, *session, metrics);
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(listening);
    if (!endpoint) {
        return endpoint.error();
    }
    host.log->begin((*endpoint)->now());
    if (const Result<void> announced = host.started(listening.listen); !announced) {
        return announced.error();
    }
    return run_on(options, host, std::move(*ledger), **endpoint, metrics, *session);
}

Result<int> run(const SnOptions& options) {
    return host_node(options.common, Role::sn, program,
                     [&](NodeHost& host) { return open_and_run(options, host); });
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return node_main(argc, argv, program, parse_run_sn, run);
}
