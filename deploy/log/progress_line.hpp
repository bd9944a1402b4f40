#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace starling {

/// How far a long step is, and the time left, as deploy/progress.sh shows it: on a terminal a line
/// that is rewritten, elsewhere a line every 15 seconds. Nothing is shown of steps of less than
/// five seconds.
class ProgressLine {
public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    /// \param total  of the step, in any unit; 0: unknown, nothing is shown
    ProgressLine(std::string label, std::uint64_t total, std::FILE* out = stderr,
                 Clock clock = std::chrono::steady_clock::now);
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    /// Removes the line from a terminal.
    ~ProgressLine();

    /// `done` of the total are done. May be called as often as wanted.
    void update(std::uint64_t done);
    /// Removes the line from a terminal, for other output; the next update() shows it again.
    void clear();

private:
    const std::string label_;
    const std::uint64_t total_;
    std::FILE* const out_;
    const Clock clock_;
    const bool terminal_;
    const std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point next_;
    bool visible_ = false;
};

/// "audit: 25 %, about 1:15 left"
/// \pre 0 < done <= total
std::string progress_line_text(const std::string& label, std::uint64_t done, std::uint64_t total,
                               std::chrono::seconds elapsed);

}  // namespace starling
