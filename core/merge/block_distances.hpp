#pragma once

#include <utility>
#include <vector>

#include "core/base/buffer_pool.hpp"
#include "core/merge/merge_rules.hpp"

namespace starling {

/// The contributions to one block and distances between them, for rules that look at a block as one
/// vector. Element is float or double, as in the block.
///
/// It begins with the block's coordinate median as centre, which is in the midst of the honest
/// contributions whatever the others are, and leaves out those whose distance from it is not
/// finite: they hold a NaN, an infinity, or values whose squares can't be added.
template <typename Element>
class BlockDistances {
public:
    explicit BlockDistances(const MergeBlock& block);

    /// Of the contributions that are not left out.
    const std::vector<double>& weights() const { return weights_; }
    std::size_t size() const { return places_.size(); }
    /// Which of the block's inputs they are, ascending.
    const std::vector<std::size_t>& places() const { return places_; }
    /// Of each from the centre.
    const std::vector<double>& from_centre() const { return from_centre_; }
    /// Of each from the point (w[0] x[0] + w[1] x[1] + ... + centre_weight * centre) / total.
    std::vector<double> from_point(const std::vector<double>& weights, double centre_weight,
                                   double total) const;
    /// Writes that point, rounded to the element's type.
    void write_point(const std::vector<double>& weights, double centre_weight, double total) const;
    /// For where all are left out, or there is only one.
    void write_centre() const;

private:
    std::pair<std::vector<const std::byte*>, std::vector<double>> point_of(
        const std::vector<double>& weights, double centre_weight) const;

    MergeBlock block_;
    BufferPool::Buffer centre_;
    std::vector<std::size_t> places_;
    std::vector<const std::byte*> runs_;
    std::vector<double> weights_;
    std::vector<double> from_centre_;
};

/// Squared distances between each two inputs i < j of the block, at j (j - 1) / 2 + i.
template <typename Element>
std::vector<double> square_pair_distances(const MergeBlock& block);

}  // namespace starling
