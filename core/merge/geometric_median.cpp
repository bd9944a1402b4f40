#include "core/merge/geometric_median.hpp"

#include <algorithm>
#include <cmath>

#include "core/merge/block_distances.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {
namespace {

struct Weiszfeld {
    std::size_t iterations;
    double smoothing;
    double tolerance;
};

double sum_of(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) {
        sum += value;
    }
    return sum;
}

template <typename Element>
void weiszfeld_block(const MergeBlock& block, const Weiszfeld& options) {
    const BlockDistances<Element> block_distances(block);
    if (block.inputs.size() == 1 || block_distances.size() == 0) {
        block_distances.write_centre();
        return;
    }
    const std::vector<double>& weights = block_distances.weights();
    const auto objective = [&](const std::vector<double>& distances) {
        double sum = 0.0;
        for (std::size_t k = 0; k < distances.size(); ++k) {
            sum += weights[k] * distances[k];
        }
        return sum;
    };
    std::vector<double> distances = block_distances.from_centre();
    std::vector<double> steps(weights.size());
    for (std::size_t i = 1;; ++i) {
        for (std::size_t k = 0; k < steps.size(); ++k) {
            steps[k] = weights[k] / std::max(options.smoothing, distances[k]);
        }
        if (i == options.iterations) {
            break;
        }
        const double before = objective(distances);
        distances = block_distances.from_point(steps, 0.0, sum_of(steps));
        const double now = objective(distances);
        if (std::abs(before - now) < options.tolerance * now) {
            break;
        }
    }
    block_distances.write_point(steps, 0.0, sum_of(steps));
}

}  // namespace

void geometric_median(const MergeBlock& block) {
    const Weiszfeld options{static_cast<std::size_t>(block.parameters[0]), block.parameters[1],
                            block.parameters[2]};
    with_wide_elements(block, block.count, [&](auto element, const MergeBlock& wide) {
        weiszfeld_block<decltype(element)>(wide, options);
    });
}

}  // namespace starling
