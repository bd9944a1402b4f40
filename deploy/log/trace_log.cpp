// Trace and log of a node. Traces are buffered, since they have many lines, and flushed by a thread
// within a second, or at once with a warning or error; log lines are written at once. A failed
// write never ends the node: it needs neither.
#include "deploy/log/trace_log.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "core/files/replace_file.hpp"
#include "deploy/log/log_file.hpp"
#include "deploy/log/rotation.hpp"
#include "deploy/log/trace_file.hpp"
#include "deploy/process/process.hpp"

namespace starling {
namespace {

constexpr std::chrono::seconds flush_interval{1};

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// The log file: unbuffered, and rotated when it is full.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    FileSink(std::filesystem::path file, LogLimits limits)
        : path_(std::move(file)), limits_(limits) {}

    Result<void> open() {
        file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
        if (!file_) {
            return Error{Errc::io, write_error(path_, errno).message + " (--workspace)"};
        }
        const off_t size = ::lseek(file_.number(), 0, SEEK_END);
        bytes_ = size > 0 ? static_cast<std::uint64_t>(size) : 0;
        return {};
    }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        if (limits_.bytes_max > 0 && bytes_ > 0 && bytes_ + line.size() > limits_.bytes_max) {
            rotate();
        }
        bytes_ += line.size();
        // Failures are ignored: a log must not end its node, and a full disk is reported elsewhere.
        [[maybe_unused]] const ssize_t written = ::write(file_.number(), line.data(), line.size());
    }
    void flush_() override {}

    void rotate() {
        std::error_code ignored;  // then the same file is used further
        if (limits_.older_files > 0) {
            shift_logs(path_, limits_.older_files);
            std::filesystem::rename(path_, older_log(path_), ignored);
        } else {
            std::filesystem::remove(path_, ignored);
        }
        Descriptor before = std::move(file_);
        if (!open()) {
            file_ = std::move(before);
            bytes_ = 0;
        }
    }

    const std::filesystem::path path_;
    const LogLimits limits_;
    Descriptor file_;
    std::uint64_t bytes_ = 0;
};

class SpdlogTraceLog final : public TraceLog {
public:
    SpdlogTraceLog(TraceLogOptions options, std::unique_ptr<TraceFile> trace,
                   std::shared_ptr<spdlog::logger> logger)
        : options_(std::move(options)), trace_(std::move(trace)), logger_(std::move(logger)) {
        if (trace_) {
            flusher_ = std::thread([this] { flush_in_time(); });
        }
    }
    SpdlogTraceLog(const SpdlogTraceLog&) = delete;
    SpdlogTraceLog& operator=(const SpdlogTraceLog&) = delete;
    ~SpdlogTraceLog() override {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        if (flusher_.joinable()) {
            flusher_.join();
        }
        logger_->flush();
    }

    void begin(SwarmTime now) override {
        const std::lock_guard lock(mutex_);
        epoch_ = std::chrono::system_clock::now() - now.time_since_epoch();
        const auto epoch_ns =
            std::chrono::duration_cast<std::chrono::nanoseconds>(epoch_.time_since_epoch());
        if (trace_) {
            note(trace_->begin("# starling-trace 1 node=" + options_.node.name +
                               " role=" + std::string(to_string(options_.role)) +
                               " epoch_ns=" + std::to_string(epoch_ns.count()) +
                               (options_.host.empty() ? "" : " host=" + options_.host)));
        }
    }

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        {
            const std::lock_guard lock(mutex_);
            last_ = std::max(last_,
                             time);  // threads may arrive in another order than that of their times
            time = last_;
            if (trace_) {
                note(trace_->write(trace_line(time, node, event)));
                if (event.level >= Level::warning) {
                    flush_trace();
                }
            }
        }
        if (!event.text.empty()) {
            const auto wall = std::chrono::time_point_cast<spdlog::log_clock::duration>(
                epoch_ + time.time_since_epoch());
            log(wall, event.level, event.component, event.text);
        }
    }

    void line(Level level, std::string_view component, std::string_view text) override {
        log(spdlog::log_clock::now(), level, component, text);
    }

    void flush() override {
        const std::lock_guard lock(mutex_);
        if (trace_) {
            flush_trace();
        }
        logger_->flush();
    }

private:
    void log(spdlog::log_clock::time_point wall, Level level, std::string_view component,
             std::string_view text) {
        std::string line(component);
        line += " : ";
        line += to_string(level);
        line += " : ";
        line += one_line(text);  // text may be from a peer
        logger_->log(wall, spdlog::source_loc{}, spdlog_level(level), spdlog::string_view_t(line));
    }

    void flush_trace() {
        note(trace_->flush());
        dirty_ = false;
    }

    /// To be called after each write to the trace. Logs a failure once; the node does not need a
    /// trace.
    void note(const Result<void>& written) {
        if (!written && !std::exchange(write_failed_, true)) {
            line(Level::error, "trace",
                 "the trace is not complete, the node goes on: " + written.error().message);
        }
        if (!std::exchange(dirty_, true)) {
            changed_.notify_all();
        }
    }

    void flush_in_time() {
        std::unique_lock lock(mutex_);
        while (!ending_) {
            changed_.wait(lock, [this] { return ending_ || dirty_; });
            changed_.wait_for(lock, flush_interval, [this] { return ending_; });
            flush_trace();
        }
    }

    const TraceLogOptions options_;
    const std::unique_ptr<TraceFile> trace_;
    const std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::chrono::system_clock::time_point epoch_{};  // written once, before reports
    SwarmTime last_{};                               // newest time in the trace
    bool dirty_ = false;                             // the trace has unflushed lines
    bool write_failed_ = false;                      // and was logged
    bool ending_ = false;
    std::thread flusher_;
};

}  // namespace

Result<std::unique_ptr<TraceLog>> open_trace_log(TraceLogOptions options) {
    std::unique_ptr<TraceFile> trace;
    if (!options.trace_file.empty()) {
        Result<std::unique_ptr<TraceFile>> opened = TraceFile::open(options.trace_file);
        if (!opened) {
            return opened.error();
        }
        trace = std::move(*opened);
    }
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stdout_sink_mt>()};
    if (!options.log_file.empty()) {
        auto file = std::make_shared<FileSink>(options.log_file, options.limits);
        if (const Result<void> opened = file->open(); !opened) {
            return opened.error();
        }
        sinks.push_back(std::move(file));
    }
    auto logger = std::make_shared<spdlog::logger>(options.node.name, sinks.begin(), sinks.end());
    logger->set_pattern("%Y-%m-%d %H:%M:%S,%e : %v");
    logger->set_level(spdlog_level(options.level));
    logger->flush_on(spdlog::level::trace);
    return std::unique_ptr<TraceLog>(
        new SpdlogTraceLog(std::move(options), std::move(trace), std::move(logger)));
}

}  // namespace starling
