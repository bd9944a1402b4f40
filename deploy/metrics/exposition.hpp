#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// A histogram as in Prometheus.
class Histogram {
public:
    /// Upper bounds of the buckets in seconds, from 10 ms to 1 h; a last bucket has longer ones.
    static constexpr double bounds[] = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                        2.5,  5,     10,   30,  60,   300, 3600};

    void observe(double seconds);

    const std::vector<std::uint64_t>& counts() const { return counts_; }
    double sum() const { return sum_; }

private:
    /// One per bound (not cumulative), and one for the rest.
    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(std::size(bounds) + 1);
    double sum_ = 0.0;
};

/// Writes Prometheus' text format 0.0.4. Families are written one after the other; one without
/// samples is omitted.
class Exposition {
public:
    /// Begins a family. \param type  "counter", "gauge" or "histogram".
    void family(std::string_view name, std::string_view type, std::string_view help);
    void sample(const Labels& labels, double value);
    void sample(const Labels& labels, std::uint64_t count) {
        sample(labels, static_cast<double>(count));
    }
    void sample(const Labels& labels, const Histogram& histogram);

    std::string take() { return std::move(text_); }

private:
    void line(std::string_view suffix, const Labels& labels, const std::string& value);

    std::string text_;
    std::string head_;  ///< of the current family, until its first sample
    std::string name_;
};

}  // namespace starling
