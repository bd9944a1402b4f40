#include "deploy/board/live_feed.hpp"

#include <random>

#include "core/tool/tool_node.hpp"
#include "deploy/host/node_host.hpp"
#include "transport/node_runner.hpp"

namespace starling {
namespace {

/// Prints warnings and errors of the tool, and passes them on.
class BoardErrors final : public TraceSink {
public:
    explicit BoardErrors(std::function<void(const TraceEvent&)> reported)
        : reported_(std::move(reported)) {}

    void report(SwarmTime /*time*/, const NodeId& /*node*/, const TraceEvent& event) override {
        if (event.level >= Level::warning && !event.text.empty()) {
            report_error("swarm-board", {Errc::io, event.text});
            reported_(event);
        }
    }

private:
    std::function<void(const TraceEvent&)> reported_;
};

class NoBoardWork final : public WorkExecutor {
public:
    void start(std::uint64_t /*work*/, Work /*what*/) override {
        STARLING_INVARIANT(false, "a tool has no work");
    }
};

}  // namespace

Result<std::unique_ptr<LiveFeed>> LiveFeed::start(const BoardOptions& options, Listener listener) {
    if (const auto ok = have_identity(options.common); !ok) {
        return ok.error();
    }
    const Result<Identity> identity = check_identity(identity_files(options.common), Role::tool);
    if (!identity) {
        return identity.error();
    }
    TlsEndpointOptions endpoint_options;
    endpoint_options.name = identity->name;
    endpoint_options.role = Role::tool;
    endpoint_options.identity = identity_files(options.common);
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(endpoint_options);
    if (!endpoint) {
        return endpoint.error();
    }
    // Tools with one certificate are one peer to an SN: random IDs tell their answers apart.
    const std::uint32_t first = std::random_device()() & ~7U;
    const std::vector<std::string> topics = {"servers", "nodes", "contract", "round"};
    ToolNodeOptions tool{.id = identity->name, .servers = options.servers};
    tool.request = StatusQuery{first, topics[0], "", true};
    tool.limit = std::chrono::hours(24 * 365);  // an SN that is away may return
    tool.also = {{first + 1, topics[1], "", false},
                 {first + 2, topics[2], options.contract, true},
                 {first + 3, topics[3], options.contract, true}};
    tool.on_reply = [topics, first, answered = listener.answered](const StatusReply& reply,
                                                                  std::string_view json) {
        answered(topics.at(reply.id - first), std::string(json));
    };
    return std::unique_ptr<LiveFeed>(
        new LiveFeed(std::move(*endpoint), make_tool_node(std::move(tool)), std::move(listener)));
}

LiveFeed::LiveFeed(std::unique_ptr<PolledEndpoint> endpoint, std::unique_ptr<Node> node,
                   Listener listener)
    : endpoint_(std::move(endpoint)), node_(std::move(node)) {
    thread_ = std::thread([this, told = std::move(listener)] {
        BoardErrors errors(told.reported);
        NoBoardWork work;
        told.ended(run_node(*node_, *endpoint_, nullptr, work, errors));
    });
}

LiveFeed::~LiveFeed() {
    endpoint_->post(StopRequested{"the board ends"});
    thread_.join();
}

}  // namespace starling
