// run-apls: a licence server on a host, and its operator's tools: keys, licences, seats.

#include <chrono>
#include <cstdio>

#include "core/licence/apls_node.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/host/node_start.hpp"
#include "deploy/host/service_notice.hpp"
#include "deploy/licence/issue_licence.hpp"
#include "deploy/licence/seat_tool.hpp"
#include "deploy/programs/node_main.hpp"
#include "deploy/storage/sqlite_store.hpp"
#include "transport/crypto/licence_file.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/ports.hpp"
#include "transport/thread_worker.hpp"

namespace starling {
namespace {

constexpr std::string_view program = "run-apls";

std::int64_t unix_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Result<int> print(const Result<std::string>& text) {
    if (!text) {
        return text.error();
    }
    std::fputs(text->c_str(), stdout);
    return exit_code::ok;
}

Result<int> serve(const AplsOptions& options, NodeHost& host) {
    Result<Licence> licence = load_licence(options.licence, options.licence_key, host.id);
    if (!licence) {
        return licence.error();
    }
    Result<SqliteStore::Opened> book =
        SqliteStore::open(host.workspace.data_dir(host.name) / "seats.sqlite", openssl_hasher());
    if (!book) {
        return book.error();
    }
    AplsNodeOptions node_options;
    node_options.id = host.id;
    node_options.address = {options.common.host_ip, options.port};
    TlsEndpointOptions endpoint_options = host.endpoint_options(Role::apls);
    endpoint_options.reached_as = {options.common.host_ip};
    endpoint_options.listen = {{node_options.address, apls_accepts()}};
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(endpoint_options);
    if (!endpoint) {
        return endpoint.error();
    }
    host.log->begin((*endpoint)->now());
    if (const Result<void> announced = host.started(endpoint_options.listen); !announced) {
        return announced.error();
    }
    node_options.licence = std::move(*licence);
    node_options.unix_ns_at_zero = unix_ns() - to_ns((*endpoint)->now());
    node_options.lease = options.lease;
    node_options.admins = licence_admins(options, host.id);
    const Result<Identity> own = check_identity(host.identity, Role::apls);
    if (!own) {
        return own.error();
    }
    node_options.ca = own->ca;
    node_options.recovered = std::move(book->log.records);
    const std::unique_ptr<Node> node = make_apls_node(std::move(node_options));
    ThreadWorker worker(**endpoint, openssl_hasher());
    const SignalThread signals(
        [&](const std::string& signal) {
            notify_stopping();
            (*endpoint)->post(StopRequested{signal});
        },
        [&] { (*endpoint)->reload(); });
    NodeStart start_sink(*host.log, host, {false, "", "apls_listening", "is not ready yet"});
    return run_node(*node, **endpoint, book->store.get(), worker, start_sink);
}

Result<int> run(const AplsOptions& options) {
    switch (options.command) {
        case AplsOptions::Command::make_key:
            return print(make_issuer_keys(options));
        case AplsOptions::Command::issue:
            return print(issue_licence(options, date_text(unix_ns() / 1'000'000'000)));
        case AplsOptions::Command::list:
        case AplsOptions::Command::revoke:
        case AplsOptions::Command::allow:
            return run_seat_tool(options);
        case AplsOptions::Command::serve:
            break;
    }
    return host_node(options.common, Role::apls, program,
                     [&](NodeHost& host) { return serve(options, host); });
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return node_main(argc, argv, program, parse_run_apls, run);
}
