#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/torch/image_set.hpp"

namespace starling {

/// One member's share of a training set.
struct Shard {
    std::uint32_t index = 1;  ///< 1 to count
    std::uint32_t count = 1;
};

/// The indices, out of [0, size), of the images that `shard` trains on: a random split into parts
/// of equal size (so all members have equally many batches; up to count - 1 images are left out).
/// The split does not depend on a seed, so shards never overlap.
std::vector<std::uint32_t> iid_part(std::size_t size, Shard shard);
/// A split into parts of equal size with skewed labels: nine images in ten are assigned in the
/// order of their labels, the tenth at random. Of two members, one has 95 % of the images of the
/// first five classes, and the other 95 % of those of the last five.
std::vector<std::uint32_t> skewed_part(const ImageSet& set, Shard shard);
/// All images.
std::vector<std::uint32_t> full_part(std::size_t size);

/// Images as inputs of a network.
struct Batch {
    std::vector<float> pixels;         ///< B x 3 x 32 x 32, 0 to 1
    std::vector<std::int64_t> labels;  ///< B

    std::size_t size() const { return labels.size(); }
};

/// The images of `set` from `first` on, at most `count`, in their order.
Batch plain_batch(const ImageSet& set, std::size_t first, std::size_t count);

struct BatchOptions {
    std::size_t batch_size = 32;  ///< >= 1
    std::uint64_t seed = 1;
    std::uint32_t shard_index = 1;  ///< so that members with the same seed shuffle differently
};

/// Iterates over a part of a set, epoch by epoch, in an order that depends on seed, epoch and shard
/// only.
class BatchSource {
public:
    /// `set` must outlive the source.
    BatchSource(const ImageSet& set, std::vector<std::uint32_t> part, BatchOptions options);

    /// The last batch may be smaller.
    std::size_t batches_per_epoch() const;
    /// Shuffles; the next batch is the first one of `epoch`, or the one after `batches_done` of
    /// them.
    void start_epoch(std::uint64_t epoch, std::uint64_t batches_done = 0);
    /// The next batch; nothing: the epoch is over.
    std::optional<Batch> next();

private:
    const ImageSet& set_;
    std::vector<std::uint32_t> order_;
    BatchOptions options_;
    std::size_t position_ = 0;
};

}  // namespace starling
