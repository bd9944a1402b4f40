#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "core/merge/merge_rules.hpp"

namespace starling::test {

/// The merge rules as their papers have them, in binary64, one block, without any care for speed.
/// What the rules of core/merge are compared with; written apart from them.
class MergeReference {
public:
    using Vector = std::vector<double>;

    MergeReference(std::vector<Vector> models, std::vector<double> weights)
        : models_(std::move(models)), weights_(std::move(weights)) {}

    Vector of(const MergeMethod& method) const {
        const std::vector<double>& p = method.parameters;
        switch (method.rule) {
            case MergeRule::mean:
                return mean(weights_);
            case MergeRule::coordinate_median:
                return median();
            case MergeRule::trimmed_mean:
                return trimmed_mean(p[0]);
            case MergeRule::geometric_median:
                return geometric_median(static_cast<int>(p[0]), p[1], p[2]);
            case MergeRule::krum:
                return krum(static_cast<int>(p[0]), static_cast<int>(p[1]));
            case MergeRule::centred_clipping:
                return centred_clipping(p[0], static_cast<int>(p[1]));
            case MergeRule::of_program:
                break;
        }
        return {};
    }

private:
    std::size_t n() const { return models_.size(); }
    std::size_t dimensions() const { return models_.front().size(); }

    static double distance(const Vector& a, const Vector& b) {
        double sum = 0.0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }
        return std::sqrt(sum);
    }

    Vector mean(const std::vector<double>& weights) const {
        Vector out(dimensions());
        for (std::size_t i = 0; i < out.size(); ++i) {
            double sum = 0.0;
            double total = 0.0;
            for (std::size_t k = 0; k < n(); ++k) {
                sum += weights[k] * models_[k][i];
                total += weights[k];
            }
            out[i] = sum / total;
        }
        return out;
    }

    /// Values of a coordinate with their weights, ascending.
    std::vector<std::pair<double, double>> sorted(std::size_t i) const {
        std::vector<std::pair<double, double>> column;
        for (std::size_t k = 0; k < n(); ++k) {
            column.emplace_back(models_[k][i], weights_[k]);
        }
        std::sort(column.begin(), column.end());
        return column;
    }

    Vector median() const {
        const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
        Vector out;
        for (std::size_t i = 0; i < dimensions(); ++i) {
            double before = 0.0;
            std::vector<double> middle;
            for (const auto& [value, weight] : sorted(i)) {
                // Half of the weight is at or below it, and half at or above it.
                if (before <= total / 2 && before + weight >= total / 2) {
                    middle.push_back(value);
                }
                before += weight;
            }
            out.push_back((middle.front() + middle.back()) / 2);
        }
        return out;
    }

    Vector trimmed_mean(double beta) const {
        const auto trim =
            std::min(static_cast<std::size_t>(std::ceil(beta * static_cast<double>(n()) - 1e-9)),
                     (n() - 1) / 2);
        Vector out;
        for (std::size_t i = 0; i < dimensions(); ++i) {
            const auto column = sorted(i);
            double sum = 0.0;
            double total = 0.0;
            for (std::size_t k = trim; k < n() - trim; ++k) {
                sum += column[k].first * column[k].second;
                total += column[k].second;
            }
            out.push_back(sum / total);
        }
        return out;
    }

    Vector geometric_median(int iterations, double smoothing, double tolerance) const {
        Vector point = median();
        const auto objective = [&] {
            double sum = 0.0;
            for (std::size_t k = 0; k < n(); ++k) {
                sum += weights_[k] * distance(point, models_[k]);
            }
            return sum;
        };
        double now = objective();
        for (int i = 0; i < iterations; ++i) {
            std::vector<double> steps;
            for (std::size_t k = 0; k < n(); ++k) {
                steps.push_back(weights_[k] / std::max(smoothing, distance(point, models_[k])));
            }
            point = mean(steps);
            const double before = now;
            now = objective();
            if (std::abs(before - now) < tolerance * now) {
                break;
            }
        }
        return point;
    }

    Vector krum(int f, int select) const {
        const int count = static_cast<int>(n());
        if (count < 3) {
            return mean(weights_);
        }
        const int nearest = count - std::min(f, (count - 3) / 2) - 2;
        std::vector<std::pair<double, std::size_t>> scores;
        for (std::size_t i = 0; i < n(); ++i) {
            std::vector<double> squares;
            for (std::size_t j = 0; j < n(); ++j) {
                if (i != j) {
                    squares.push_back(std::pow(distance(models_[i], models_[j]), 2));
                }
            }
            std::sort(squares.begin(), squares.end());
            scores.emplace_back(std::accumulate(squares.begin(), squares.begin() + nearest, 0.0),
                                i);
        }
        std::sort(scores.begin(), scores.end());
        std::vector<double> weights(n(), 0.0);
        for (int i = 0; i < std::min(select, nearest); ++i) {
            const std::size_t taken = scores[static_cast<std::size_t>(i)].second;
            weights[taken] = weights_[taken];
        }
        return mean(weights);
    }

    Vector centred_clipping(double tau, int iterations) const {
        const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
        Vector centre = median();
        for (int i = 0; i < iterations; ++i) {
            Vector next = centre;
            for (std::size_t k = 0; k < n(); ++k) {
                const double length = distance(centre, models_[k]);
                const double clip = length > tau ? tau / length : 1.0;
                for (std::size_t c = 0; c < next.size(); ++c) {
                    next[c] += weights_[k] / total * clip * (models_[k][c] - centre[c]);
                }
            }
            centre = next;
        }
        return centre;
    }

    std::vector<Vector> models_;
    std::vector<double> weights_;
};

}  // namespace starling::test
