#include "core/merge/krum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/merge/block_distances.hpp"
#include "core/merge/weighted_mean.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {
namespace {

double square_distance(const std::vector<double>& distances, std::size_t i, std::size_t j) {
    return i < j ? distances[j * (j - 1) / 2 + i] : distances[i * (i - 1) / 2 + j];
}

/// The same block with those inputs only.
class PartOfBlock {
public:
    PartOfBlock(const MergeBlock& block, const std::vector<std::size_t>& places) : block_(block) {
        for (const std::size_t place : places) {
            inputs_.push_back(block.inputs[place]);
            weights_.push_back(block.weights[place]);
        }
        block_.inputs = inputs_;
        block_.weights = weights_;
    }
    PartOfBlock(const PartOfBlock&) = delete;
    PartOfBlock& operator=(const PartOfBlock&) = delete;

    const MergeBlock& block() const { return block_; }

private:
    MergeBlock block_;
    std::vector<const std::byte*> inputs_;
    std::vector<double> weights_;
};

template <typename Element>
void krum_block(const MergeBlock& block, std::size_t f, std::size_t select) {
    const std::vector<double> distances = square_pair_distances<Element>(block);
    const auto finite = [](double distance) { return std::isfinite(distance); };
    if (!std::all_of(distances.begin(), distances.end(), finite)) {
        const std::vector<std::size_t> places = BlockDistances<Element>(block).places();
        if (places.empty()) {
            weighted_mean(block);  // nothing finite comes of it
            return;
        }
        if (places.size() < block.inputs.size()) {
            krum_block<Element>(PartOfBlock(block, places).block(), f, select);
            return;
        }
    }
    weighted_mean(
        PartOfBlock(block, krum_selection(distances, block.inputs.size(), f, select)).block());
}

}  // namespace

std::vector<std::size_t> krum_selection(const std::vector<double>& distances, std::size_t n,
                                        std::size_t f, std::size_t select) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    if (n < 3) {
        return order;
    }
    const std::size_t dishonest = std::min(f, (n - 3) / 2);
    const std::size_t nearest = n - dishonest - 2;
    std::vector<double> scores;
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> own;
        for (std::size_t j = 0; j < n; ++j) {
            if (j != i) {
                own.push_back(square_distance(distances, i, j));
            }
        }
        std::sort(own.begin(), own.end());
        scores.push_back(
            std::accumulate(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(nearest), 0.0));
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    order.resize(std::clamp<std::size_t>(select, 1, nearest));
    std::sort(order.begin(), order.end());
    return order;
}

void krum(const MergeBlock& block) {
    const auto f = static_cast<std::size_t>(block.parameters[0]);
    const auto select = static_cast<std::size_t>(block.parameters[1]);
    with_wide_elements(block, block.count, [&](auto element, const MergeBlock& wide) {
        krum_block<decltype(element)>(wide, f, select);
    });
}

}  // namespace starling
