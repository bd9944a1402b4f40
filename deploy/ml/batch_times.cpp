#include "deploy/ml/batch_times.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace starling {
namespace {

/// \param sorted  not empty. Between two values: the line from one to the other.
double quantile(const std::vector<double>& sorted, double share) {
    const double position = share * static_cast<double>(sorted.size() - 1);
    const double below = std::floor(position);
    const auto at = static_cast<std::size_t>(below);
    const double next = sorted[std::min(at + 1, sorted.size() - 1)];
    return sorted[at] + (position - below) * (next - sorted[at]);
}

}  // namespace

void BatchTimes::add(std::uint64_t batches, double seconds) {
    if (batches > 0) {
        intervals_.push_back({batches, seconds});
    }
}

std::uint64_t BatchTimes::measured_batches() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 1; i < intervals_.size(); ++i) {
        sum += intervals_[i].batches;
    }
    return sum;
}

std::optional<MeasuredWorkload> BatchTimes::result(double startup_seconds) const {
    std::vector<double> times;
    for (std::size_t i = intervals_.size() > 1 ? 1 : 0; i < intervals_.size(); ++i) {
        times.push_back(intervals_[i].seconds / static_cast<double>(intervals_[i].batches));
    }
    if (times.empty()) {
        return std::nullopt;
    }
    std::sort(times.begin(), times.end());
    std::vector<double> tenths;
    for (int i = 0; i <= 10; ++i) {
        tenths.push_back(quantile(times, i / 10.0));
    }
    return MeasuredWorkload{quantile(times, 0.5), std::move(tenths), startup_seconds};
}

}  // namespace starling
