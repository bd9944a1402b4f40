#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "core/node/node.hpp"
#include "core/wire/messages.hpp"
#include "deploy/board/board_options.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// Joins an SN as a tool, over mutual TLS, and follows what it says of the swarm, in a thread of
/// its own. Reads only. After a lost connection the next SN is dialled.
class LiveFeed {
public:
    /// All are called in the feed's thread.
    struct Listener {
        std::function<void(std::string_view topic, std::string json)> answered;
        std::function<void(const TraceEvent&)> reported;  ///< of the tool itself, for people
        std::function<void(int exit_code)> ended;  ///< no SN can be reached, or all refuse the tool
    };

    /// Errc::refused: no certificate, or a wrong one.
    static Result<std::unique_ptr<LiveFeed>> start(const BoardOptions& options, Listener listener);
    LiveFeed(const LiveFeed&) = delete;
    LiveFeed& operator=(const LiveFeed&) = delete;
    ~LiveFeed();

private:
    LiveFeed(std::unique_ptr<PolledEndpoint> endpoint, std::unique_ptr<Node> node,
             Listener listener);

    std::unique_ptr<PolledEndpoint> endpoint_;
    std::unique_ptr<Node> node_;
    std::thread thread_;
};

}  // namespace starling
