#pragma once

#include <functional>
#include <string>
#include <thread>

namespace starling {

/// Blocks SIGINT, SIGTERM and SIGHUP for this thread and those that it starts, and ignores SIGPIPE
/// and SIGXFSZ. To be called first in main(), before any thread is started.
void block_signals();

/// Waits for SIGINT and SIGTERM: the first calls `on_stop`, the second ends the process at once
/// with exit code 128 + signal. SIGHUP calls `on_reload`, every time.
/// \pre  block_signals() was called.
class SignalThread {
public:
    /// `on_stop` gets "SIGINT" or "SIGTERM"; called in the thread of this object.
    explicit SignalThread(
        std::function<void(const std::string&)> on_stop, std::function<void()> on_reload = [] {});
    SignalThread(const SignalThread&) = delete;
    SignalThread& operator=(const SignalThread&) = delete;
    ~SignalThread();

private:
    std::thread thread_;
};

}  // namespace starling
