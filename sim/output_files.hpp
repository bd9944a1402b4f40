#pragma once

#include <fstream>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/board/run_model.hpp"
#include "core/board/timeline_file.hpp"
#include "core/runs/run_record.hpp"
#include "sim/simulation.hpp"

namespace starling {

/// Names of files; empty: not written.
struct OutputFlags {
    std::string trace;
    std::string json;
    std::string report;
    std::string timeline;
    std::string record;  ///< folder of records of runs
};

/// The files that a run writes. Errors (Errc::io) name the flag.
class OutputFiles {
public:
    /// \param title  of the report
    /// \param record  of the run, so far; none: it is not recorded
    OutputFiles(OutputFlags flags, std::string title, std::uint64_t seed,
                std::optional<RunRecord> record);

    Result<void> open();
    /// Null: no file is made of the trace.
    std::ostream* trace() { return flags_.trace.empty() ? nullptr : &trace_; }
    RunModel* model() { return timeline_ || record_ || !flags_.report.empty() ? &model_ : nullptr; }

    /// All but the trace.
    Result<void> finish(const SimOutcome& outcome);
    bool trace_is_written() { return flags_.trace.empty() || trace_.flush(); }

private:
    OutputFlags flags_;
    std::string title_;
    std::uint64_t seed_;
    std::optional<RunRecord> record_;
    RunModel model_;
    std::ofstream trace_;
    std::optional<TimelineFile> timeline_;
};

}  // namespace starling
