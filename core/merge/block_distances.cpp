#include "core/merge/block_distances.hpp"

#include <cmath>
#include <cstring>

#include "core/merge/coordinate_median.hpp"
#include "core/merge/kernels/whole_steps.hpp"

namespace starling {
namespace {

/// What a kernel has summed in lanes: halves are added to halves, in the same order everywhere.
std::vector<double> sums_of_lanes(std::vector<double>& lanes) {
    std::vector<double> sums;
    for (std::size_t at = 0; at < lanes.size(); at += distance_lanes) {
        for (std::size_t width = distance_lanes / 2; width > 0; width /= 2) {
            for (std::size_t lane = 0; lane < width; ++lane) {
                lanes[at + lane] += lanes[at + lane + width];
            }
        }
        sums.push_back(lanes[at]);
    }
    return sums;
}

/// Of each of the first `measured` runs from the point that all runs make with these weights.
template <typename Element>
std::vector<double> point_distances(std::span<const std::byte* const> runs, std::size_t measured,
                                    std::span<const double> weights, double total,
                                    std::size_t count) {
    std::vector<double> lanes(measured * distance_lanes, 0.0);
    in_whole_steps<Element>(runs, count,
                            [&](const std::byte* const* rows, std::size_t, std::size_t size) {
                                const WeightedPoint point{rows, weights.data(), runs.size(), total};
                                merge_kernels().of<Element>().square_distances(
                                    point, rows, measured, lanes.data(), size);
                            });
    std::vector<double> lengths = sums_of_lanes(lanes);
    for (double& length : lengths) {
        length = std::sqrt(length);
    }
    return lengths;
}

}  // namespace

template <typename Element>
BlockDistances<Element>::BlockDistances(const MergeBlock& block)
    : block_(block), centre_(BufferPool::of_process().take(block.count * sizeof(Element))) {
    block_.out = centre_.get();
    block_.past_caches = false;
    coordinate_median(block_);
    block_.out = block.out;
    std::vector<double> lanes(block.inputs.size() * distance_lanes, 0.0);
    std::vector<const std::byte*> all(block.inputs.begin(), block.inputs.end());
    all.push_back(centre_.get());
    const double one = 1.0;
    in_whole_steps<Element>(all, block.count,
                            [&](const std::byte* const* rows, std::size_t, std::size_t size) {
                                const WeightedPoint point{rows + block.inputs.size(), &one, 1, 1.0};
                                merge_kernels().of<Element>().square_distances(
                                    point, rows, block.inputs.size(), lanes.data(), size);
                            });
    const std::vector<double> squares = sums_of_lanes(lanes);
    for (std::size_t k = 0; k < squares.size(); ++k) {
        if (std::isfinite(squares[k])) {
            places_.push_back(k);
            runs_.push_back(block.inputs[k]);
            weights_.push_back(block.weights[k]);
            from_centre_.push_back(std::sqrt(squares[k]));
        }
    }
}

template <typename Element>
std::pair<std::vector<const std::byte*>, std::vector<double>> BlockDistances<Element>::point_of(
    const std::vector<double>& weights, double centre_weight) const {
    std::pair<std::vector<const std::byte*>, std::vector<double>> point = {runs_, weights};
    if (centre_weight != 0.0) {
        point.first.push_back(centre_.get());
        point.second.push_back(centre_weight);
    }
    return point;
}

template <typename Element>
std::vector<double> BlockDistances<Element>::from_point(const std::vector<double>& weights,
                                                        double centre_weight, double total) const {
    const auto [runs, all] = point_of(weights, centre_weight);
    return point_distances<Element>(runs, runs_.size(), all, total, block_.count);
}

template <typename Element>
void BlockDistances<Element>::write_point(const std::vector<double>& weights, double centre_weight,
                                          double total) const {
    const auto [runs, all] = point_of(weights, centre_weight);
    merge_kernels().of<Element>().mean(runs.data(), all.data(), runs.size(), total,
                                       KernelOut{block_.out}, block_.count);
}

template <typename Element>
void BlockDistances<Element>::write_centre() const {
    std::memcpy(block_.out, centre_.get(), block_.count * sizeof(Element));
}

template <typename Element>
std::vector<double> square_pair_distances(const MergeBlock& block) {
    const std::size_t n = block.inputs.size();
    const Scratch scratch(n);
    std::vector<double> lanes(n * (n - 1) / 2 * distance_lanes, 0.0);
    in_whole_steps<Element>(block.inputs, block.count,
                            [&](const std::byte* const* rows, std::size_t, std::size_t size) {
                                merge_kernels().of<Element>().pair_distances(
                                    rows, n, scratch.data(), lanes.data(), size);
                            });
    return sums_of_lanes(lanes);
}

template class BlockDistances<float>;
template class BlockDistances<double>;
template std::vector<double> square_pair_distances<float>(const MergeBlock& block);
template std::vector<double> square_pair_distances<double>(const MergeBlock& block);

}  // namespace starling
