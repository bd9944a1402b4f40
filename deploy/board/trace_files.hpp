#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/board/run_model.hpp"
#include "deploy/board/line_file.hpp"

namespace starling {

/// The traces of the nodes of one run, merged in order of time. Files may grow while they are read,
/// and may be replaced by a new one of the same name.
class TraceFiles {
public:
    /// Errc::io names a file that can't be opened.
    static Result<TraceFiles> open(const std::vector<std::string>& paths);

    /// Passes what the files contain now to `model`, at most `events_max` events.
    /// \return  how many events these were; fewer than `events_max`: all that there are.
    std::size_t read_into(RunModel& model, std::size_t events_max);
    /// Passes all that they contain, with a line of progress on standard error where it takes long.
    void read_all_into(RunModel& model);

private:
    struct Source {
        explicit Source(LineFile opened) : file(std::move(opened)) {}
        LineFile file;
        std::int64_t epoch_ns = 0;
        std::string line;               ///< that `next` is a part of
        std::optional<TraceText> next;  ///< the event to be passed next
    };
    /// Reads on to the next event of the source. \return false: there is none yet
    static bool advance(Source& source, RunModel& model);

    std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace starling
