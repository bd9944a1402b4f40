#include "deploy/ml/calibration_run.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>

#include <unistd.h>

#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"
#include "core/json/workload_table.hpp"
#include "core/ml/training_thread.hpp"
#include "core/trace/event_fields.hpp"
#include "deploy/ml/batch_times.hpp"
#include "deploy/process/process.hpp"

namespace starling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t default_batches = 60;

/// How many batches are to be measured.
Result<std::uint64_t> batches_wanted(const ProgramOptions& options) {
    const std::string text = options.variable(calibration_batches_variable);
    if (text.empty()) {
        return default_batches;
    }
    const std::optional<std::uint64_t> count = number_in(text);
    if (count.value_or(0) == 0) {
        return Error{Errc::usage, "environment variable " +
                                      std::string(calibration_batches_variable) + " is '" +
                                      text.substr(0, 32) + "', it must be a whole number above 0"};
    }
    return *count;
}

/// Since this process was started, by the kernel's clocks.
double seconds_since_start() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const double ticks = static_cast<double>(process_start_ticks(::getpid()).value_or(0));
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
           ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// Answers a program as a swarm of one would, and measures it. Used by its thread alone.
class SwarmOfOne {
public:
    explicit SwarmOfOne(std::uint64_t wanted) : wanted_(wanted) {}

    /// resume() follows. \pre  no ExitRequest.
    TrainReply answer(TrainRequest request) {
        const double seconds = std::chrono::duration<double>(Clock::now() - resumed_).count();
        auto* sync = std::get_if<SyncRequest>(&request);
        if (sync == nullptr) {
            startup_seconds_ = seconds_since_start();
            return OpenedReply{0, 1};
        }
        times_.add(sync->batches, seconds);
        SyncedReply reply;
        reply.round = round_++;
        reply.params = std::move(sync->params);
        reply.final = sync->check_in.finished || measured_batches() >= wanted_;
        return reply;
    }
    /// The program goes on.
    void resume() { resumed_ = Clock::now(); }

    std::uint64_t wanted() const { return wanted_; }
    std::uint64_t measured_batches() const { return times_.measured_batches(); }
    /// Nothing: there was no batch.
    std::optional<MeasuredWorkload> result() const { return times_.result(startup_seconds_); }

private:
    const std::uint64_t wanted_;  ///< batches to measure
    BatchTimes times_;
    Clock::time_point resumed_ = Clock::now();
    double startup_seconds_ = 0.0;
    Round round_ = 0;
};

class CalibrationRun {
public:
    /// \param batches  to measure
    CalibrationRun(std::uint64_t batches, TraceLog& log) : log_(log), swarm_(batches) {}

    int run(TrainFunction train, ProgramOptions options, const MlProgramHooks& hooks) {
        std::optional<TrainingThread> thread;
        TrainingThread::Hooks for_program;
        for_program.on_request = [&] { on_request(*thread); };
        for_program.on_trace = [this](const TraceEvent& event) {
            if (!event.text.empty()) {
                log_.line(event.level, event.component, event.text);
            }
        };
        thread.emplace(std::move(train), std::move(options), std::move(for_program));
        hooks.on_begin({[this](StopRequested why) { end({why.code, std::move(why.reason)}); }});
        thread->resume(BeginReply{});
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_.has_value(); });
        const int code = exit_code_of(ended_->code);
        lock.unlock();
        hooks.on_end(code);
        return code;
    }

    // After run().

    bool good() const { return ended_->code == Errc::ok; }
    const std::string& workload() const { return workload_; }
    std::optional<MeasuredWorkload> result() const { return swarm_.result(); }

private:
    void on_request(TrainingThread& thread) {
        TrainRequest request = thread.take_request();
        if (const auto* exit = std::get_if<ExitRequest>(&request)) {
            end({exit->code, exit->reason});
            return;
        }
        workload_ = thread.workload();
        const std::uint64_t before = swarm_.measured_batches();
        TrainReply reply = swarm_.answer(std::move(request));
        if (const std::uint64_t measured = swarm_.measured_batches(); measured != before) {
            log_.line(Level::info, "SwarmCallback",
                      "Measured " + std::to_string(std::min(measured, swarm_.wanted())) + " of " +
                          std::to_string(swarm_.wanted()) + " batches");
        }
        swarm_.resume();
        thread.resume(std::move(reply));
    }
    void end(Error how) {
        const std::lock_guard lock(mutex_);
        if (!ended_) {
            ended_ = std::move(how);
            if (ended_->code != Errc::ok) {
                log_.line(Level::error, "ml", ended_->message);
            }
        }
        changed_.notify_all();
    }

    TraceLog& log_;
    SwarmOfOne swarm_;
    std::string workload_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Error> ended_;  ///< code ok: the program has returned
};

Result<std::string> table_so_far(const std::filesystem::path& table) {
    std::error_code ignored;
    return std::filesystem::exists(table, ignored) ? read_whole_file(table)
                                                   : Result<std::string>(std::string());
}

/// Sets the row of the measured workload.
Result<void> write_row(const std::filesystem::path& table, const CalibrationRun& run,
                       const MeasuredWorkload& measured) {
    // Read again: another calibration may have written meanwhile.
    const Result<std::string> before = table_so_far(table);
    const Result<std::string> text =
        before ? with_workload(*before, run.workload(), measured) : before;
    if (!text) {
        return Error{text.error().code, table.string() + ": " + text.error().message};
    }
    const std::array<ByteView, 1> parts = {std::as_bytes(std::span(*text))};
    return replace_file(table, parts);
}

}  // namespace

Result<int> run_calibration(TrainFunction train, ProgramOptions options,
                            const std::filesystem::path& table, TraceLog& log,
                            const MlProgramHooks& hooks) {
    if (const Result<std::string> before = table_so_far(table); !before) {
        return Error{before.error().code,
                     std::string(calibration_variable) + ": " + before.error().message};
    }
    const Result<std::uint64_t> batches = batches_wanted(options);
    if (!batches) {
        return batches.error();
    }
    CalibrationRun run(*batches, log);
    const int code = run.run(std::move(train), std::move(options), hooks);
    if (!run.good()) {
        return code;
    }
    const std::optional<MeasuredWorkload> measured = run.result();
    const Result<void> written =
        measured ? write_row(table, run, *measured)
                 : Error{Errc::program, "the program has trained no batch: nothing was measured"};
    if (!written) {
        log.line(Level::error, "SwarmCallback",
                 std::string(calibration_variable) + ": " + written.error().message);
        return exit_code_of(written.error().code);
    }
    log.line(Level::info, "SwarmCallback",
             "Measured " + run.workload() + ": " + row_text(*measured) + ", written to " +
                 table.string());
    return code;
}

}  // namespace starling
