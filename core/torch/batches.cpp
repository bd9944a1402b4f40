// Which member trains on which image, and in which order. Everything is derived from seeds by this
// project's generator, since std::shuffle differs between standard libraries, and two members must
// agree on the split without talking.
#include "core/torch/batches.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <span>
#include <string>

#include "core/base/invariant.hpp"
#include "core/base/random.hpp"

namespace starling {
namespace {

constexpr float byte_scale = 1.0F / 255.0F;

void shuffle(std::vector<std::uint32_t>& values, Random& random) {
    for (std::size_t i = values.size(); i > 1; --i) {
        std::swap(values[i - 1], values[random.below(i)]);
    }
}

/// Converts bytes to a network's inputs, 0 to 1.
template <typename Out>
void scale(std::span<const std::uint8_t> image, Out out) {
    std::transform(image.begin(), image.end(), out,
                   [](std::uint8_t value) { return static_cast<float>(value) * byte_scale; });
}

}  // namespace

std::vector<std::uint32_t> full_part(std::size_t size) {
    std::vector<std::uint32_t> part(size);
    std::iota(part.begin(), part.end(), 0U);
    return part;
}

std::vector<std::uint32_t> iid_part(std::size_t size, Shard shard) {
    STARLING_INVARIANT(shard.index >= 1 && shard.index <= shard.count, "callers check the shard");
    std::vector<std::uint32_t> all = full_part(size);
    Random random(derive_seed(0, "iid partition"));
    shuffle(all, random);
    const std::size_t length = size / shard.count;
    const auto first = all.begin() + static_cast<std::ptrdiff_t>((shard.index - 1) * length);
    return {first, first + static_cast<std::ptrdiff_t>(length)};
}

std::vector<std::uint32_t> skewed_part(const ImageSet& set, Shard shard) {
    STARLING_INVARIANT(shard.index >= 1 && shard.index <= shard.count, "callers check the shard");
    constexpr std::size_t mixed_of = 10;  // one image in this many is assigned at random
    std::vector<std::uint32_t> all = full_part(set.size());
    Random random(derive_seed(0, "skewed partition"));
    shuffle(all, random);
    const auto sorted = all.begin() + static_cast<std::ptrdiff_t>(set.size() / mixed_of);
    std::stable_sort(sorted, all.end(), [&](std::uint32_t a, std::uint32_t b) {
        return set.labels[a] < set.labels[b];
    });
    std::vector<std::uint32_t> part;
    const auto take_share_of = [&](auto first, auto last) {
        const auto length = (last - first) / static_cast<std::ptrdiff_t>(shard.count);
        const auto begin = first + static_cast<std::ptrdiff_t>(shard.index - 1) * length;
        part.insert(part.end(), begin, begin + length);
    };
    take_share_of(all.begin(), sorted);
    take_share_of(sorted, all.end());
    return part;
}

Batch plain_batch(const ImageSet& set, std::size_t first, std::size_t count) {
    const std::size_t end = std::min(set.size(), first + count);
    Batch batch;
    batch.pixels.reserve((end - first) * image_bytes);
    for (std::size_t i = first; i < end; ++i) {
        batch.labels.push_back(set.labels[i]);
        scale(set.image(i), std::back_inserter(batch.pixels));
    }
    return batch;
}

BatchSource::BatchSource(const ImageSet& set, std::vector<std::uint32_t> part, BatchOptions options)
    : set_(set), order_(std::move(part)), options_(options) {
    STARLING_INVARIANT(options_.batch_size > 0, "callers check the batch size");
    position_ = order_.size();
}

std::size_t BatchSource::batches_per_epoch() const {
    return (order_.size() + options_.batch_size - 1) / options_.batch_size;
}

void BatchSource::start_epoch(std::uint64_t epoch, std::uint64_t batches_done) {
    Random random(derive_seed(options_.seed, "epoch " + std::to_string(epoch) + " shard " +
                                                 std::to_string(options_.shard_index)));
    std::sort(order_.begin(), order_.end());  // independent of the last epoch's order
    shuffle(order_, random);
    position_ = std::min<std::uint64_t>(batches_done, batches_per_epoch()) * options_.batch_size;
}

std::optional<Batch> BatchSource::next() {
    if (position_ >= order_.size()) {
        return std::nullopt;
    }
    const std::size_t count = std::min(options_.batch_size, order_.size() - position_);
    Batch batch;
    batch.pixels.resize(count * image_bytes);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t image = order_[position_++];
        batch.labels.push_back(set_.labels[image]);
        scale(set_.image(image), batch.pixels.data() + i * image_bytes);
    }
    return batch;
}

}  // namespace starling
