// run-sn: a Swarm Network node on a host.

#include "core/sn/sn_node.hpp"
#include "deploy/endpoint_watch.hpp"
#include "deploy/metrics/node_metrics.hpp"
#include "deploy/node_host.hpp"
#include "deploy/node_main.hpp"
#include "deploy/signal_thread.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/ports.hpp"
#include "transport/thread_worker.hpp"

namespace starling {
namespace {

constexpr std::string_view program = "run-sn";

Result<int> run(const SnOptions& options) {
    Result<NodeHost> host = prepare_host(options.common, Role::sn, program);
    if (!host) {
        return host.error();
    }
    Result<SqliteStore::Opened> ledger =
        SqliteStore::open(host->workspace.data_dir(host->name) / "ledger.sqlite", openssl_hasher());
    if (!ledger) {
        return ledger.error();
    }
    NodeMetrics metrics(host->id, Role::sn, *host->log);
    if (const auto ok = metrics.serve(options.common.metrics_port); !ok) {
        return ok.error();
    }
    const Address api{options.common.host_ip, options.api_port};
    TlsEndpointOptions endpoint_options = host->endpoint_options(Role::sn);
    endpoint_options.listen = {{api, sn_api_accepts()}};
    endpoint_options.log = metrics.counting(endpoint_options.log);
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(endpoint_options);
    if (!endpoint) {
        return endpoint.error();
    }
    host->log->begin((*endpoint)->now());

    SnNodeOptions node_options;
    node_options.id = host->id;
    node_options.api_address = api;
    node_options.recovered = std::move(ledger->records);
    const std::unique_ptr<Node> node = make_sn_node(std::move(node_options), openssl_hasher());
    EndpointWatch watch(**endpoint, [&](const Input& input) { metrics.look(input); });
    ThreadWorker worker(**endpoint, openssl_hasher());
    const SignalThread signals(
        [&](const std::string& signal) { (*endpoint)->post(StopRequested{signal}); });
    return run_node(*node, watch, ledger->store.get(), worker, metrics.sink());
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return node_main(argc, argv, program, parse_run_sn, run);
}
