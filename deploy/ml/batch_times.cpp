#include "deploy/ml/batch_times.hpp"

#include <algorithm>
#include <cmath>

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

/// Standard deviation of the logarithm, by the median of the differences to the median: a few
/// disturbed intervals don't raise it (Rousseeuw and Croux, 1993). 0 of a single one.
double log_deviation(const std::vector<double>& sorted) {
    const double middle = std::log(quantile(sorted, 0.5));
    std::vector<double> differences;
    for (const double time : sorted) {
        differences.push_back(std::abs(std::log(time) - middle));
    }
    std::sort(differences.begin(), differences.end());
    constexpr double deviation_per_median = 1.4826;  // of a normal distribution
    return deviation_per_median * quantile(differences, 0.5);
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
    return MeasuredWorkload{quantile(times, 0.5), quantile(times, 0.1), quantile(times, 0.9),
                            startup_seconds, log_deviation(times)};
}

}  // namespace starling
