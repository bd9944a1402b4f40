#include "deploy/log/progress_line.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace starling {
namespace {

constexpr std::chrono::seconds first_after{5};
constexpr std::chrono::milliseconds terminal_pause{250};
constexpr std::chrono::seconds plain_pause{15};

}  // namespace

ProgressLine::ProgressLine(std::string label, std::uint64_t total, std::FILE* out, Clock clock)
    : label_(std::move(label)),
      total_(total),
      out_(out),
      clock_(std::move(clock)),
      terminal_(::isatty(::fileno(out)) != 0),
      start_(clock_()),
      next_(start_ + first_after) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::update(std::uint64_t done) {
    if (total_ == 0 || done == 0) {
        return;
    }
    const auto now = clock_();
    if (now < next_) {
        return;
    }
    next_ = now + (terminal_ ? terminal_pause : plain_pause);
    const std::string text =
        progress_line_text(label_, std::min(done, total_), total_,
                           std::chrono::duration_cast<std::chrono::seconds>(now - start_));
    std::fprintf(out_, terminal_ ? "\r\033[K  %s" : "  %s\n", text.c_str());
    std::fflush(out_);
    visible_ = terminal_;
}

void ProgressLine::clear() {
    if (std::exchange(visible_, false)) {
        std::fputs("\r\033[K", out_);
        std::fflush(out_);
    }
}

std::string progress_line_text(const std::string& label, std::uint64_t done, std::uint64_t total,
                               std::chrono::seconds elapsed) {
    const double share = static_cast<double>(done) / static_cast<double>(total);
    const auto left =
        static_cast<std::int64_t>(static_cast<double>(elapsed.count()) * (1.0 - share) / share);
    const std::string seconds = std::to_string(left % 60);
    return label + ": " + std::to_string(static_cast<int>(share * 100.0)) + " %, about " +
           std::to_string(left / 60) + ":" + (seconds.size() < 2 ? "0" : "") + seconds + " left";
}

}  // namespace starling
