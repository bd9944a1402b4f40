#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/board/run_model.hpp"

namespace starling {

/// A file with the timeline of a run (Timeline), written while the run's model is built.
class TimelineFile {
public:
    /// Follows `model`, which it must outlive. Errc::io names the file.
    static Result<TimelineFile> create(const std::string& path, RunModel& model);
    TimelineFile(TimelineFile&&) noexcept;
    TimelineFile& operator=(TimelineFile&&) noexcept;
    ~TimelineFile();

    /// To be called once, after the last event. Errc::io: not all could be written.
    Result<void> finish();

private:
    struct Impl;
    explicit TimelineFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
