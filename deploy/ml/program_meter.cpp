#include "deploy/ml/program_meter.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include <unistd.h>

#include "core/files/read_file.hpp"
#include "core/files/replace_file.hpp"
#include "core/json/workload_table.hpp"
#include "core/trace/event_fields.hpp"
#include "deploy/process/process.hpp"

namespace starling {
namespace {

constexpr std::uint64_t default_batches = 60;

/// How many batches are to be measured; 0: all.
Result<std::uint64_t> batches_wanted(const ProgramOptions& options, bool alone) {
    const std::string text = options.variable(calibration_batches_variable);
    if (text.empty()) {
        return alone ? 0 : default_batches;
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

Error of_table(const Error& error) {
    return {error.code, std::string(calibration_variable) + ": " + error.message};
}

Result<std::string> table_so_far(const std::filesystem::path& table) {
    std::error_code ignored;
    return std::filesystem::exists(table, ignored) ? read_whole_file(table)
                                                   : Result<std::string>(std::string());
}

/// Sets the row of a workload.
Result<void> write_row(const std::filesystem::path& table, const std::string& workload,
                       const MeasuredWorkload& measured) {
    // Read again: another calibration may have written meanwhile.
    const Result<std::string> before = table_so_far(table);
    const Result<std::string> text = before ? with_workload(*before, workload, measured) : before;
    if (!text) {
        return Error{text.error().code, table.string() + ": " + text.error().message};
    }
    const std::array<ByteView, 1> parts = {std::as_bytes(std::span(*text))};
    return replace_file(table, parts);
}

}  // namespace

Result<std::unique_ptr<ProgramMeter>> ProgramMeter::open(const ProgramOptions& options, bool alone,
                                                         TraceLog& log) {
    const std::string table = options.variable(calibration_variable);
    if (table.empty()) {
        return std::unique_ptr<ProgramMeter>();
    }
    if (const Result<std::string> before = table_so_far(table); !before) {
        return of_table(before.error());
    }
    const Result<std::uint64_t> batches = batches_wanted(options, alone);
    if (!batches) {
        return batches.error();
    }
    return std::unique_ptr<ProgramMeter>(new ProgramMeter(table, *batches, log));
}

void ProgramMeter::asked(TrainRequest& request, const std::string& workload) {
    const double seconds = std::chrono::duration<double>(Clock::now() - resumed_).count();
    workload_ = workload;
    auto* const sync = std::get_if<SyncRequest>(&request);
    if (sync != nullptr) {
        times_.add(sync->batches, seconds);
        log_progress();
        const bool enough = wanted_ > 0 && times_.measured_batches() >= wanted_;
        sync->check_in.finished = sync->check_in.finished || enough;
    } else if (std::holds_alternative<OpenRequest>(request)) {
        startup_seconds_ = seconds_since_start();
    }
}

void ProgramMeter::log_progress() const {
    const std::uint64_t measured = times_.measured_batches();
    if (wanted_ > 0 && measured > 0) {
        log_.line(Level::info, "SwarmCallback",
                  "Measured " + std::to_string(std::min(measured, wanted_)) + " of " +
                      std::to_string(wanted_) + " batches");
    }
}

Result<void> ProgramMeter::write() const {
    const std::optional<MeasuredWorkload> measured = times_.result(startup_seconds_);
    if (!measured) {
        return of_table({Errc::program, "the program has trained no batch: nothing was measured"});
    }
    if (const Result<void> written = write_row(table_, workload_, *measured); !written) {
        return of_table(written.error());
    }
    log_.line(
        Level::info, "SwarmCallback",
        "Measured " + workload_ + ": " + row_text(*measured) + ", written to " + table_.string());
    return {};
}

}  // namespace starling
