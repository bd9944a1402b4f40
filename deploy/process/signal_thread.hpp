#pragma once

#include <functional>
#include <string>
#include <thread>

namespace starling {

/// Blocks SIGINT, SIGTERM and SIGHUP and ignores SIGPIPE and SIGXFSZ for this thread and all it
/// starts. Call it first in main, before there is any other thread.
void block_signals();

/// Waits for SIGINT and SIGTERM: the first calls `on_stop`, the second ends the process at once.
/// SIGHUP calls `on_reload`, every time.
/// \pre block_signals() was called.
class SignalThread {
public:
    /// `on_stop` gets "SIGINT" or "SIGTERM"; it is called in this thread.
    explicit SignalThread(
        std::function<void(const std::string&)> on_stop, std::function<void()> on_reload = [] {});
    SignalThread(const SignalThread&) = delete;
    SignalThread& operator=(const SignalThread&) = delete;
    ~SignalThread();

private:
    std::thread thread_;
};

}  // namespace starling
