#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "core/node/node.hpp"
#include "core/tool/tool_node.hpp"
#include "core/wire/messages.hpp"
#include "deploy/board/board_options.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// Joins SNs, or licence servers, as a tool, over mutual TLS, and follows what one of them says, in
/// a thread of its own. Reads only. After a lost connection the next server is dialled.
class LiveFeed {
public:
    /// All are called in the feed's thread.
    struct Listener {
        std::function<void(std::string_view topic, std::string json)> answered;
        std::function<void(const TraceEvent&)> reported;  ///< of the tool itself, for people
        std::function<void(int exit_code)> ended;  ///< no server can be reached, or all refuse it
    };

    /// Of the swarm, by options.servers: topics "servers", "nodes", "contract" and "round".
    /// Errc::refused: no certificate, or a wrong one.
    static Result<std::unique_ptr<LiveFeed>> follow_swarm(const BoardOptions& options,
                                                          Listener listener);
    /// Of the licence servers options.common.apls: topic "seats", every second.
    static Result<std::unique_ptr<LiveFeed>> follow_seats(const BoardOptions& options,
                                                          Listener listener);
    LiveFeed(const LiveFeed&) = delete;
    LiveFeed& operator=(const LiveFeed&) = delete;
    ~LiveFeed();

private:
    static Result<std::unique_ptr<LiveFeed>> start(const BoardOptions& options,
                                                   ToolNodeOptions tool, Listener listener);
    LiveFeed(std::unique_ptr<PolledEndpoint> endpoint, std::unique_ptr<Node> node,
             Listener listener);

    std::unique_ptr<PolledEndpoint> endpoint_;
    std::unique_ptr<Node> node_;
    std::thread thread_;
};

}  // namespace starling
