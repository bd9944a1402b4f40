#include "core/torch/batches.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "core/base/invariant.hpp"

namespace starling {
namespace {

constexpr float byte_scale = 1.0F / 255.0F;

void shuffle(std::vector<std::uint32_t>& values, Random& random) {
    for (std::size_t i = values.size(); i > 1; --i) {
        std::swap(values[i - 1], values[random.below(i)]);
    }
}

/// Where pixel `position` (which may be outside) comes from: edges are mirrors.
std::size_t mirrored(int position) {
    constexpr int last = static_cast<int>(image_side) - 1;
    const int inside = position < 0 ? -position : position;
    return static_cast<std::size_t>(inside > last ? 2 * last - inside : inside);
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

Batch plain_batch(const ImageSet& set, std::size_t first, std::size_t count) {
    const std::size_t end = std::min(set.size(), first + count);
    Batch batch;
    batch.pixels.reserve((end - first) * image_bytes);
    for (std::size_t i = first; i < end; ++i) {
        batch.labels.push_back(set.labels[i]);
        for (const std::uint8_t value : set.image(i)) {
            batch.pixels.push_back(static_cast<float>(value) * byte_scale);
        }
    }
    return batch;
}

BatchSource::BatchSource(const ImageSet& set, std::vector<std::uint32_t> part, BatchOptions options)
    : set_(set), order_(std::move(part)), options_(options), random_(options.seed) {
    STARLING_INVARIANT(options_.batch_size > 0, "callers check the batch size");
    position_ = order_.size();
}

std::size_t BatchSource::batches_per_epoch() const {
    return (order_.size() + options_.batch_size - 1) / options_.batch_size;
}

void BatchSource::start_epoch(std::uint64_t epoch) {
    random_ = Random(derive_seed(options_.seed, "epoch " + std::to_string(epoch) + " shard " +
                                                    std::to_string(options_.shard_index)));
    std::sort(order_.begin(), order_.end());  // forget the last epoch's order
    shuffle(order_, random_);
    position_ = 0;
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
        fill(image, batch.pixels.data() + i * image_bytes);
    }
    return batch;
}

void BatchSource::fill(std::uint32_t image, float* out) {
    const auto source = set_.image(image);
    if (!options_.augment) {
        std::transform(source.begin(), source.end(), out,
                       [](std::uint8_t value) { return static_cast<float>(value) * byte_scale; });
        return;
    }
    constexpr int shift_max = 2;
    const int right = static_cast<int>(random_.below(2 * shift_max + 1)) - shift_max;
    const int down = static_cast<int>(random_.below(2 * shift_max + 1)) - shift_max;
    const bool flip = random_.chance(0.5);
    std::array<std::size_t, image_side> columns{};
    std::array<std::size_t, image_side> rows{};
    for (int i = 0; i < static_cast<int>(image_side); ++i) {
        const auto at = static_cast<std::size_t>(i);
        columns[at] = mirrored((flip ? static_cast<int>(image_side) - 1 - i : i) + right);
        rows[at] = mirrored(i + down);
    }
    for (std::size_t c = 0; c < image_channels; ++c) {
        for (const std::size_t row : rows) {
            const std::uint8_t* line = source.data() + (c * image_side + row) * image_side;
            for (const std::size_t column : columns) {
                *out++ = static_cast<float>(line[column]) * byte_scale;
            }
        }
    }
}

}  // namespace starling
