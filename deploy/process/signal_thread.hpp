#pragma once

#include <functional>
#include <string>
#include <thread>

namespace starling {

/// Blocks SIGINT, SIGTERM, SIGHUP and SIGUSR1 for this thread and those that it starts, and ignores
/// SIGPIPE and SIGXFSZ. To be called first in main(), before any thread is started.
void block_signals();

/// Waits for SIGINT and SIGTERM: the first calls `on_stop`, the second ends the process at once
/// with exit code 128 + signal. SIGHUP calls `on_reload`, every time. SIGUSR1 calls `on_pause` and
/// ends the process at once, with exit code 0; without `on_pause` with 128 + signal.
/// \pre  block_signals() was called.
class SignalThread {
public:
    /// `on_stop` gets "SIGINT" or "SIGTERM"; called in the thread of this object.
    explicit SignalThread(
        std::function<void(const std::string&)> on_stop, std::function<void()> on_reload = [] {},
        std::function<void()> on_pause = {});
    SignalThread(const SignalThread&) = delete;
    SignalThread& operator=(const SignalThread&) = delete;
    ~SignalThread();

private:
    std::thread thread_;
};

}  // namespace starling
