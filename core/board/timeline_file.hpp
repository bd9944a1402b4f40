#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/board/run_model.hpp"

namespace starling {

/// A file with the timeline of a run (Timeline), written beside its place while the run's model is
/// built. It gets there when it is whole: until then, and if it never is, an older one stays.
class TimelineFile {
public:
    /// Follows `model`, which it must outlive. Errc::io names the file.
    static Result<TimelineFile> create(const std::string& path, RunModel& model);
    TimelineFile(TimelineFile&&) noexcept;
    TimelineFile& operator=(TimelineFile&&) noexcept;
    ~TimelineFile();

    /// Puts it in its place. To be called once, after the last event. Errc::io: not all could be
    /// written.
    Result<void> finish();

private:
    struct Impl;
    explicit TimelineFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
