#include "deploy/host/join_reminder.hpp"

#include <algorithm>

namespace starling {

JoinReminder::JoinReminder(TraceLog& log, Text text, std::chrono::milliseconds first)
    : log_(log), text_(std::move(text)), thread_([this, first] { run(first); }) {}

JoinReminder::~JoinReminder() {
    joined();
    thread_.join();
}

void JoinReminder::joined() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
}

void JoinReminder::run(std::chrono::milliseconds first) {
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::milliseconds next = first;
    std::unique_lock lock(mutex_);
    while (!changed_.wait_until(lock, begin + next, [this] { return over_; })) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(next);
        lock.unlock();
        log_.line(Level::warning, "run-sl", text_(std::to_string(seconds.count()) + " s"));
        lock.lock();
        next += std::min<std::chrono::milliseconds>(next, join_reminder_max);
    }
}

}  // namespace starling
