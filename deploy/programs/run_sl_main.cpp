// run-sl: a Swarm Learning node on a host, and its ML program as a child process.

#include <chrono>

#include "core/licence/licensed_node.hpp"
#include "core/node/dial_watch.hpp"
#include "core/sl/sl_node.hpp"
#include "deploy/host/endpoint_watch.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/host/node_start.hpp"
#include "deploy/host/replacing_starts.hpp"
#include "deploy/host/service_notice.hpp"
#include "deploy/metrics/metrics_exporter.hpp"
#include "deploy/ml/ml_process.hpp"
#include "deploy/process/signal_thread.hpp"
#include "deploy/programs/node_main.hpp"
#include "deploy/storage/model_files.hpp"
#include "deploy/storage/session_file.hpp"
#include "transport/crypto/openssl_hasher.hpp"
#include "transport/ports.hpp"
#include "transport/process/child_process.hpp"
#include "transport/thread_worker.hpp"
#include "transport/tls/node_keys.hpp"

namespace starling {
namespace {

constexpr std::string_view program = "run-sl";

SlNodeOptions node_options(const SlOptions& options, const NodeHost& host,
                           std::vector<KeptModel> kept, std::shared_ptr<const NodeSigner> signer,
                           std::uint64_t session) {
    SlNodeOptions node;
    node.signer = std::move(signer);
    node.kept = std::move(kept);
    node.id = host.id;
    node.sn_addresses = options.sns;
    node.exchange_address =
        options.fs_service.value_or(Address{options.common.host_ip, options.fs_port});
    node.session = session;
    node.site = options.site;
    return node;
}

/// Makes sure that the next start on this host has a larger session number than the start that has
/// replaced this one, even if the latter's clock is ahead.
void note_session(const std::filesystem::path& data, std::uint64_t session, TraceLog& log) {
    if (const Result<void> noted = raise_session(data, session); !noted) {
        log.line(Level::warning, program, noted.error().message);
    }
}

/// Before the process ends at once: the swarm is not told that this member leaves,
/// and waits for its next start if it needs it. The kernel then ends the ML program.
void end_as_if_killed(NodeHost& host) {
    notify_stopping();
    host.log->line(Level::info, program,
                   "Ends at once (SIGUSR1), and stays a member: start it again with the same "
                   "command");
    host.log->flush();
}

/// Runs the node and the ML program, if one is wanted, until both have ended.
Result<int> run_pair(const SlOptions& options, NodeHost& host, PolledEndpoint& endpoint,
                     const SocketPlace& socket, MetricsExporter& metrics, ModelFiles::Opened models,
                     std::uint64_t session) {
    Result<std::shared_ptr<const NodeSigner>> signer =
        make_node_signer(host.identity, host.id, Role::sl);
    if (!signer) {
        return signer.error();
    }
    std::unique_ptr<LogRotator> ml_log;  // outlives the program
    std::unique_ptr<MlProcess> ml;
    if (options.ml.configured()) {
        const Result<ProgramCommand> command =
            ml_command(options, host, socket.path(), process_environment());
        if (!command) {
            return command.error();
        }
        Result<std::unique_ptr<MlProcess>> started =
            MlProcess::start(*command, endpoint, *host.log);
        if (!started) {
            return started.error();
        }
        ml = std::move(*started);
        ml_log = std::make_unique<LogRotator>(command->log_file, log_limits(options.common));
    }
    const std::string waiting =
        "waiting for an ML program started with SWARM_SL_SOCKET=" + socket.path().string();
    std::unique_ptr<JoinReminder> reminder;
    if (!ml) {
        host.log->line(Level::info, program, waiting);
        reminder = std::make_unique<JoinReminder>(
            *host.log,
            [waiting](const std::string& duration) { return "for " + duration + " " + waiting; });
    }
    const std::unique_ptr<Node> node = watch_dials(
        make_licensed_node(make_sl_node(node_options(options, host, std::move(models.models),
                                                     std::move(*signer), session),
                                        openssl_hasher()),
                           {.servers = options.common.apls, .grace = options.common.apls_grace}),
        {sn_target(options.sns), licence_target(options.common.apls)});
    ReplacingStarts replacing(options.sns.size());
    EndpointWatch watch(endpoint, [&](const Input& input) {
        metrics.count_input(input);
        replacing.on_input(input);
        if (ml) {
            ml->on_input(input);
        } else if (const auto* up = std::get_if<PeerUp>(&input); up && up->role == Role::ml) {
            reminder->joined();
        }
    });
    ThreadWorker worker(endpoint, openssl_hasher(), {.models = models.files.get()});
    const SignalThread signals(
        [&](const std::string& signal) {
            notify_stopping();
            endpoint.post(StopRequested{signal});
        },
        [&] { endpoint.reload(); }, [&] { end_as_if_killed(host); });
    NodeStart start_sink(
        metrics.sink(), host,
        {!options.common.apls.empty(), "sl_ready", ml ? "session_opened" : "sl_ready",
         "its ML program has not joined the swarm yet: swarm-logs " +
             (ml ? ml->name() : std::string())});
    const int code = run_node(*node, watch, nullptr, worker, start_sink);
    if (replacing.newest() > session) {
        note_session(host.workspace.data_dir(host.name), replacing.newest(), *host.log);
    }
    return ml ? ml->finish(code) : code;
}

Result<int> run_on(const SlOptions& options, NodeHost& host) {
    const Result<SocketPlace> socket = SocketPlace::make(host.workspace, host.name);
    if (!socket) {
        return socket.error();
    }
    const std::filesystem::path data = host.workspace.data_dir(host.name);
    if (const Result<void> made = make_private_directory(data); !made) {
        return made.error();
    }
    Result<ModelFiles::Opened> models = ModelFiles::open(data, openssl_hasher());
    if (!models) {
        return models.error();
    }
    const Result<std::uint64_t> session = next_session(data);
    if (!session) {
        return session.error();
    }
    MetricsExporter metrics(host.id, Role::sl, *host.log);
    if (const auto ok = metrics.serve(options.common.metrics_port); !ok) {
        return ok.error();
    }
    TlsEndpointOptions endpoint_options = host.endpoint_options(Role::sl);
    endpoint_options.session = *session;
    endpoint_options.reached_as = {options.fs_service ? std::string(options.fs_service->host)
                                                      : options.common.host_ip};
    const Address exchange{options.common.host_ip, options.fs_port};
    const Address local{socket->path().string(), 0};
    endpoint_options.listen = {{exchange, sl_exchange_accepts()}, {local, sl_socket_accepts()}};
    endpoint_options.share_memory = !options.socket_only;
    endpoint_options.refused = [&metrics] { metrics.count_refused(); };
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(endpoint_options);
    if (!endpoint) {
        return endpoint.error();
    }
    host.log->begin((*endpoint)->now());
    if (const Result<void> announced = host.started(endpoint_options.listen); !announced) {
        return announced.error();
    }
    for (const std::string& note : models->notes) {
        host.log->line(Level::warning, program, note);
    }
    return run_pair(options, host, **endpoint, *socket, metrics, std::move(*models), *session);
}

Result<int> run(const SlOptions& options) {
    return host_node(options.common, Role::sl, program,
                     [&](NodeHost& host) { return run_on(options, host); });
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    using namespace starling;
    return node_main(argc, argv, program, parse_run_sl, run);
}
