#include "sim/output_files.hpp"

#include <iostream>
#include <random>
#include <span>

#include "core/board/report_page.hpp"
#include "core/runs/run_results.hpp"
#include "sim/run_recorder.hpp"
#include "sim/summary.hpp"

namespace starling {
namespace {

Error with_flag(const char* flag, const Error& error) {
    return {error.code, flag + (": " + error.message)};
}

}  // namespace

OutputFiles::OutputFiles(OutputFlags flags, std::string title, std::uint64_t seed,
                         std::optional<RunRecord> record)
    : flags_(std::move(flags)),
      title_(std::move(title)),
      seed_(seed),
      record_(std::move(record)),
      model_(record_ ? record_limits : RunModelLimits{}) {
    model_.set_virtual_time();
}

Result<void> OutputFiles::open() {
    if (!flags_.trace.empty()) {
        trace_.open(flags_.trace, std::ios::trunc);
        if (!trace_) {
            return Error{Errc::io, "--trace: can't write " + flags_.trace};
        }
    }
    if (!flags_.timeline.empty()) {
        Result<TimelineFile> file = TimelineFile::create(flags_.timeline, model_);
        if (!file) {
            return with_flag("--timeline", file.error());
        }
        timeline_ = std::move(*file);
    }
    return {};
}

Result<void> OutputFiles::finish(const SimOutcome& outcome) {
    if (!flags_.json.empty() && !(std::ofstream(flags_.json) << summary_json(outcome, seed_))) {
        return Error{Errc::io, "--json: can't write " + flags_.json};
    }
    if (!flags_.report.empty()) {
        std::random_device random;
        const PageNonce nonce = {random(), random(), random(), random()};
        const ShownRun run{"simulation", "simulated", &model_};
        const auto written =
            write_report_page(flags_.report, title_, std::span(&run, 1), "", nonce);
        if (!written) {
            return with_flag("--report", written.error());
        }
    }
    if (timeline_) {
        if (const auto written = timeline_->finish(); !written) {
            return with_flag("--timeline", written.error());
        }
    }
    if (record_) {
        if (const auto written = write_simulation(*record_, model_, flags_.record); !written) {
            return with_flag("--record", written.error());
        }
        std::cout << "recorded      " << record_->id << " in " << flags_.record << std::endl;
    }
    return {};
}

}  // namespace starling
