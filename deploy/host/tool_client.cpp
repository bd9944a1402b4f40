#include "deploy/host/tool_client.hpp"

#include <algorithm>
#include <random>

#include "core/tool/tool_node.hpp"
#include "deploy/host/node_host.hpp"
#include "deploy/process/signal_thread.hpp"
#include "transport/node_runner.hpp"
#include "transport/tls/node_keys.hpp"

namespace starling {
namespace {

/// Prints warnings and errors of the tool node.
class ErrorLines final : public TraceSink {
public:
    explicit ErrorLines(std::string_view program) : program_(program) {}

    void report(SwarmTime /*time*/, const NodeId& /*node*/, const TraceEvent& event) override {
        if (event.level >= Level::warning && !event.text.empty()) {
            report_error(program_, {Errc::io, event.text});
        }
    }

private:
    std::string_view program_;
};

class NoWork final : public WorkExecutor {
public:
    void start(std::uint64_t /*work*/, Work /*what*/) override {
        STARLING_INVARIANT(false, "a tool has no work");
    }
};

}  // namespace

int call_server(const CommonOptions& identity, ServerCall call,
                const std::function<bool(std::string_view json)>& on_reply) {
    // To a server, two tools with one certificate are the same peer, so the newer one may receive
    // replies to the older one. The random ID identifies the replies to this request.
    const std::uint32_t id = std::random_device()();
    if (auto* query = std::get_if<StatusQuery>(&call.request)) {
        query->id = id;
    } else if (auto* rule = std::get_if<SeatRule>(&call.request)) {
        rule->id = id;
    } else if (auto* removal = std::get_if<RemoveServer>(&call.request)) {
        removal->id = id;
    }
    TlsEndpointOptions endpoint_options;
    endpoint_options.name = call.id;
    endpoint_options.role = Role::tool;
    endpoint_options.identity = identity_files(identity);
    // So that each server is tried within the timeout.
    endpoint_options.handshake_limit = std::min<SwarmDuration>(
        endpoint_options.handshake_limit, call.timeout / static_cast<int>(call.servers.size()));
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(endpoint_options);
    if (!endpoint) {
        return report_error(call.program, endpoint.error());
    }
    ToolNodeOptions options{.id = call.id,
                            .servers = call.servers,
                            .server_role = call.server_role,
                            .request = call.request,
                            .limit = call.timeout,
                            .change = call.change};
    if (options.change || std::holds_alternative<RemoveServer>(options.request)) {
        const Result<std::shared_ptr<const NodeSigner>> signer =
            make_node_signer(identity_files(identity), call.id, Role::tool);
        if (!signer) {
            return report_error(call.program, signer.error());
        }
        options.signer = *signer;
        options.session =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                           std::chrono::system_clock::now().time_since_epoch())
                                           .count());
    }
    options.on_reply = [&](const StatusReply& /*reply*/, std::string_view json) {
        if (!on_reply(json)) {
            (*endpoint)->post(StopRequested{"standard output is closed"});
        }
    };
    const std::unique_ptr<Node> node = make_tool_node(std::move(options));
    ErrorLines lines(call.program);
    NoWork work;
    const SignalThread signals(
        [&](const std::string& signal) { (*endpoint)->post(StopRequested{signal}); });
    return run_node(*node, **endpoint, nullptr, work, lines);
}

}  // namespace starling
