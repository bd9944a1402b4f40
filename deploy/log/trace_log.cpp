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
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace starling {
namespace {

constexpr std::chrono::seconds flush_interval{1};

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

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

/// Text may come from a peer: it must not be able to write a line of its own.
std::string one_line(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (code < ' ' || code == 127) {
            line += {'\\', 'x', digits[code >> 4U], digits[code & 15U]};
        } else {
            line.push_back(c);
        }
    }
    return line;
}

Result<void> create_private(const std::filesystem::path& file, const char* flag, int mode) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0600);
    if (descriptor < 0) {
        return Error{Errc::io,
                     file.string() + " can't be written (" + flag + "): " + std::strerror(errno)};
    }
    ::close(descriptor);
    return {};
}

class SpdlogTraceLog final : public TraceLog {
public:
    SpdlogTraceLog(TraceLogOptions options, File trace, std::shared_ptr<spdlog::logger> logger)
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
        write("# starling-trace 1 node=" + options_.node.name +
              " role=" + std::string(to_string(options_.role)) +
              " epoch_ns=" + std::to_string(epoch_ns.count()));
    }

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        {
            const std::lock_guard lock(mutex_);
            last_ =
                std::max(last_, time);  // two threads may come in another order than their times
            time = last_;
            write(trace_line(time, node, event));
            if (trace_ && event.level >= Level::warning) {
                std::fflush(trace_.get());
                dirty_ = false;
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
            std::fflush(trace_.get());
            dirty_ = false;
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
        line += one_line(text);
        logger_->log(wall, spdlog::source_loc{}, spdlog_level(level), spdlog::string_view_t(line));
    }

    void write(std::string line) {
        if (!trace_) {
            return;
        }
        line.push_back('\n');
        const bool whole = std::fwrite(line.data(), 1, line.size(), trace_.get()) == line.size();
        if (!whole && !write_failed_) {
            write_failed_ = true;
            this->line(Level::error, "trace",
                       "trace file " + options_.trace_file.string() +
                           " is not complete: " + std::strerror(errno));
        }
        if (!dirty_) {
            dirty_ = true;
            changed_.notify_all();
        }
    }

    void flush_in_time() {
        std::unique_lock lock(mutex_);
        while (!ending_) {
            changed_.wait(lock, [this] { return ending_ || dirty_; });
            changed_.wait_for(lock, flush_interval, [this] { return ending_; });
            std::fflush(trace_.get());
            dirty_ = false;
        }
    }

    const TraceLogOptions options_;
    const File trace_;
    const std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::chrono::system_clock::time_point epoch_{};  // written once, before reports
    SwarmTime last_{};
    bool dirty_ = false;
    bool write_failed_ = false;
    bool ending_ = false;
    std::thread flusher_;
};

}  // namespace

Result<std::unique_ptr<TraceLog>> open_trace_log(TraceLogOptions options) {
    File trace;
    if (!options.trace_file.empty()) {
        if (auto ok = create_private(options.trace_file, "--trace", O_TRUNC); !ok) {
            return ok.error();
        }
        trace.reset(std::fopen(options.trace_file.c_str(), "ae"));
        if (!trace) {
            return Error{Errc::io, options.trace_file.string() +
                                       " can't be written (--trace): " + std::strerror(errno)};
        }
    }
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stdout_sink_mt>()};
    if (!options.log_file.empty()) {
        if (auto ok = create_private(options.log_file, "--workspace", O_APPEND); !ok) {
            return ok.error();
        }
        try {
            sinks.push_back(
                std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file.string()));
        } catch (const spdlog::spdlog_ex& error) {
            return Error{Errc::io, options.log_file.string() + ": " + error.what()};
        }
    }
    auto logger = std::make_shared<spdlog::logger>(options.node.name, sinks.begin(), sinks.end());
    logger->set_pattern("%Y-%m-%d %H:%M:%S,%e : %v");
    logger->set_level(spdlog_level(options.level));
    logger->flush_on(spdlog::level::trace);
    return std::unique_ptr<TraceLog>(
        new SpdlogTraceLog(std::move(options), std::move(trace), std::move(logger)));
}

}  // namespace starling
