#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "deploy/log/trace_log.hpp"

namespace starling {

/// When to warn about an ML program that has not joined. The interval then doubles, up to an hour.
constexpr std::chrono::seconds join_reminder_first{30};
constexpr std::chrono::hours join_reminder_max{1};

/// Logs that the ML program has not joined, until joined() or its destructor is called.
class JoinReminder {
public:
    /// The text of the warning after `duration` ("30 s"); called in a thread of its own.
    using Text = std::function<std::string(const std::string& duration)>;

    JoinReminder(TraceLog& log, Text text, std::chrono::milliseconds first = join_reminder_first);
    JoinReminder(const JoinReminder&) = delete;
    JoinReminder& operator=(const JoinReminder&) = delete;
    ~JoinReminder();

    /// From any thread; ends the reminders.
    void joined();

private:
    void run(std::chrono::milliseconds first);

    TraceLog& log_;
    const Text text_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

}  // namespace starling
