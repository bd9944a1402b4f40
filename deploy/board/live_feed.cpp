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

/// Tools with one certificate are one peer to a server: random IDs tell their answers apart.
std::uint32_t first_query() { return std::random_device()() & ~7U; }

}  // namespace

Result<std::unique_ptr<LiveFeed>> LiveFeed::follow_swarm(const BoardOptions& options,
                                                         Listener listener) {
    const std::uint32_t first = first_query();
    const std::vector<std::string> topics = {"servers", "nodes", "contract", "round"};
    ToolNodeOptions tool{.servers = options.servers};
    tool.request = StatusQuery{first, topics[0], "", true};
    tool.also = {{first + 1, topics[1], "", false},
                 {first + 2, topics[2], options.contract, true},
                 {first + 3, topics[3], options.contract, true}};
    tool.on_reply = [topics, first, answered = listener.answered](const StatusReply& reply,
                                                                  std::string_view json) {
        answered(topics.at(reply.id - first), std::string(json));
    };
    return start(options, std::move(tool), std::move(listener));
}

Result<std::unique_ptr<LiveFeed>> LiveFeed::follow_seats(const BoardOptions& options,
                                                         Listener listener) {
    const std::uint32_t first = first_query();
    const std::string topic = "seats";
    ToolNodeOptions tool{.servers = options.common.apls, .server_role = Role::apls};
    // A licence server answers each query once: the second one is asked every second.
    tool.request = StatusQuery{first, topic, "", true};
    tool.also = {{first + 1, topic, "", false}};
    tool.on_reply = [topic, answered = listener.answered](const StatusReply& /*reply*/,
                                                          std::string_view json) {
        answered(topic, std::string(json));
    };
    return start(options, std::move(tool), std::move(listener));
}

Result<std::unique_ptr<LiveFeed>> LiveFeed::start(const BoardOptions& options, ToolNodeOptions tool,
                                                  Listener listener) {
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
    tool.id = identity->name;
    tool.limit = std::chrono::hours(24 * 365);  // a server that is away may return
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
