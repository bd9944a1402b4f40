// Signals are blocked in all threads and received by sigwait() in a thread of their own. Its
// callbacks may therefore lock and allocate, which a signal handler must not (signal-safety(7)).
#include "deploy/process/signal_thread.hpp"

#include <csignal>

#include <pthread.h>
#include <unistd.h>

namespace starling {
namespace {

constexpr int end_signal = SIGUSR2;  // sent by the destructor to the thread

sigset_t waited_for() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, end_signal);
    return signals;
}

void wait_for_signals(const std::function<void(const std::string&)>& on_stop,
                      const std::function<void()>& on_reload,
                      const std::function<void()>& on_pause) {
    const sigset_t signals = waited_for();
    bool stopping = false;
    for (;;) {
        int signal = 0;
        if (sigwait(&signals, &signal) != 0) {
            continue;
        }
        if (signal == end_signal) {
            return;
        }
        if (signal == SIGHUP) {
            on_reload();
            continue;
        }
        if (signal == SIGUSR1 && on_pause) {
            on_pause();
            _exit(0);
        }
        if (stopping || signal == SIGUSR1) {
            _exit(128 + signal);
        }
        stopping = true;
        on_stop(signal == SIGINT ? "SIGINT" : "SIGTERM");
    }
}

}  // namespace

void block_signals() {
    const sigset_t signals = waited_for();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ,
                SIG_IGN);  // a file above the user's size limit is then an error of write()
}

SignalThread::SignalThread(std::function<void(const std::string&)> on_stop,
                           std::function<void()> on_reload, std::function<void()> on_pause)
    : thread_([stop = std::move(on_stop), reload = std::move(on_reload),
               pause = std::move(on_pause)] { wait_for_signals(stop, reload, pause); }) {}

SignalThread::~SignalThread() {
    pthread_kill(thread_.native_handle(), end_signal);
    thread_.join();
}

}  // namespace starling
