#pragma once

#include <functional>
#include <memory>

#include "core/base/time.hpp"
#include "transport/tls/listen_socket.hpp"
#include "transport/tls/stream.hpp"

namespace starling {

/// Sockets and time of one endpoint, in one thread. The only user of Asio in
/// transport/.
class EventLoop {
public:
    using Accepted = std::function<void(std::shared_ptr<Stream>)>;

    EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    /// Pending callbacks are destroyed without being called.
    ~EventLoop();

    /// Monotonic, since construction.
    SwarmTime now() const;
    /// Runs one callback, and waits for it until `deadline`. \return  whether one ran.
    bool run_one_until(SwarmTime deadline);
    /// Makes run_one_until() return. The only function that may be called from any thread.
    void wake();

    /// Calls `accepted` for every connection until stop_listening(), and `log` with the reason if
    /// one is dropped.
    void listen(const ListenSocket& socket, Accepted accepted,
                std::function<void(std::string)> log);
    void stop_listening();
    /// A stream that is not connected yet.
    std::shared_ptr<Stream> make_stream();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
