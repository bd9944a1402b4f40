#include "core/merge/centred_clipping.hpp"

#include <algorithm>
#include <cmath>

#include "core/merge/block_distances.hpp"
#include "core/merge/wide_elements.hpp"

namespace starling {
namespace {

template <typename Element>
void clip_block(const MergeBlock& block, double tau, std::size_t iterations) {
    const BlockDistances<Element> block_distances(block);
    if (block.inputs.size() == 1 || block_distances.size() == 0) {
        block_distances.write_centre();
        return;
    }
    double total = 0.0;
    for (const double weight : block_distances.weights()) {
        total += weight;
    }
    // v is centre_share * (coordinate median) + sum of shares[k] * (contribution k).
    double centre_share = 1.0;
    std::vector<double> shares(block_distances.size(), 0.0);
    std::vector<double> distances = block_distances.from_centre();
    for (std::size_t i = 1;; ++i) {
        std::vector<double> moves;
        double moved = 0.0;
        for (std::size_t k = 0; k < shares.size(); ++k) {
            const double clip = distances[k] > tau ? tau / distances[k] : 1.0;
            moves.push_back(block_distances.weights()[k] / total * clip);
            moved += moves.back();
        }
        const double kept = std::max(1.0 - moved, 0.0);
        centre_share *= kept;
        for (std::size_t k = 0; k < shares.size(); ++k) {
            shares[k] = kept * shares[k] + moves[k];
        }
        if (i == iterations) {
            break;
        }
        distances = block_distances.from_point(shares, centre_share, 1.0);
    }
    block_distances.write_point(shares, centre_share, 1.0);
}

}  // namespace

void centred_clipping(const MergeBlock& block) {
    const double share = static_cast<double>(block.count) /
                         static_cast<double>(std::max<std::uint64_t>(block.model_elements, 1));
    const double tau = block.parameters[0] * std::sqrt(share);
    const auto iterations = static_cast<std::size_t>(block.parameters[1]);
    with_wide_elements(block, block.count, [&](auto element, const MergeBlock& wide) {
        clip_block<decltype(element)>(wide, tau, iterations);
    });
}

}  // namespace starling
