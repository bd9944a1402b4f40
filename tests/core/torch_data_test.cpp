#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/torch/batches.hpp"
#include "core/torch/drawn_images.hpp"

namespace starling {
namespace {

std::uint64_t fnv(std::span<const std::uint8_t> bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const std::uint8_t byte : bytes) {
        hash = (hash ^ byte) * 0x100000001b3U;
    }
    return hash;
}

TEST(DrawnImages, SameSeedGivesTheSameBytesOnEveryMachine) {
    const ImageData data = draw_images({.seed = 1, .train_count = 200, .test_count = 50});
    EXPECT_EQ(fnv(data.train.pixels), 1126776746786052546U);
    EXPECT_EQ(fnv(data.test.pixels), 8502225858739497921U);
    const ImageData other = draw_images({.seed = 2, .train_count = 200, .test_count = 50});
    EXPECT_NE(data.train.pixels, other.train.pixels);
}

TEST(DrawnImages, AnImageDoesNotDependOnTheSetsSize) {
    const ImageData few = draw_images({.seed = 3, .train_count = 20, .test_count = 10});
    const ImageData many = draw_images({.seed = 3, .train_count = 60, .test_count = 10});
    EXPECT_TRUE(
        std::equal(few.train.pixels.begin(), few.train.pixels.end(), many.train.pixels.begin()));
    EXPECT_FALSE(
        std::equal(few.test.pixels.begin(), few.test.pixels.end(), few.train.pixels.begin()));
}

struct Accuracy {
    double train = 0.0;
    double test = 0.0;
};

/// Softmax regression on raw pixels: plain SGD with a decaying learning rate.
Accuracy linear_model_accuracy(const ImageData& data, int epochs) {
    std::vector<float> weights(image_classes * image_bytes, 0.0F);
    std::vector<float> bias(image_classes, 0.0F);
    std::vector<float> x(image_bytes);
    std::vector<float> scores(image_classes);
    const auto evaluate = [&](const ImageSet& set, std::size_t index) {
        const auto image = set.image(index);
        std::transform(image.begin(), image.end(), x.begin(), [](std::uint8_t value) {
            return (static_cast<float>(value) - 127.5F) / 255.0F;
        });
        for (std::size_t k = 0; k < image_classes; ++k) {
            const float* row = weights.data() + k * image_bytes;
            float sum = bias[k];
            for (std::size_t i = 0; i < image_bytes; ++i) {
                sum += row[i] * x[i];
            }
            scores[k] = sum;
        }
    };
    Random random(5);
    std::vector<std::uint32_t> order = full_part(data.train.size());
    for (int epoch = 0; epoch < epochs; ++epoch) {
        for (std::size_t i = order.size(); i > 1; --i) {
            std::swap(order[i - 1], order[random.below(i)]);
        }
        const float rate = 0.002F / static_cast<float>(epoch + 1);
        for (const std::uint32_t index : order) {
            evaluate(data.train, index);
            const float top = *std::max_element(scores.begin(), scores.end());
            float total = 0.0F;
            for (float& score : scores) {
                score = std::exp(score - top);
                total += score;
            }
            for (std::size_t k = 0; k < image_classes; ++k) {
                const float error =
                    scores[k] / total - (data.train.labels[index] == k ? 1.0F : 0.0F);
                float* row = weights.data() + k * image_bytes;
                for (std::size_t i = 0; i < image_bytes; ++i) {
                    row[i] -= rate * error * x[i];
                }
                bias[k] -= rate * error;
            }
        }
    }
    const auto accuracy = [&](const ImageSet& set) {
        std::size_t correct = 0;
        for (std::size_t i = 0; i < set.size(); ++i) {
            evaluate(set, i);
            const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
            correct += best == set.labels[i] ? 1U : 0U;
        }
        return static_cast<double>(correct) / static_cast<double>(set.size());
    };
    return {accuracy(data.train), accuracy(data.test)};
}

TEST(DrawnImages, ALinearModelStaysUnderSixtyPercent) {
    const ImageData data = draw_images({.seed = 1, .train_count = 8'000, .test_count = 1'000});
    const Accuracy accuracy = linear_model_accuracy(data, 6);
    RecordProperty("train", std::to_string(accuracy.train));
    RecordProperty("test", std::to_string(accuracy.test));
    EXPECT_LT(accuracy.test, 0.60);
    EXPECT_GT(accuracy.train, 0.25)
        << "the linear model has not learned at all, so it proves nothing";
}

TEST(IidPart, ShardsAreEqualAndDisjoint) {
    std::set<std::uint32_t> seen;
    for (std::uint32_t index = 1; index <= 3; ++index) {
        const auto part = iid_part(1'000, {index, 3});
        EXPECT_EQ(part.size(), 333U);
        seen.insert(part.begin(), part.end());
    }
    EXPECT_EQ(seen.size(), 999U);
    EXPECT_EQ(iid_part(1'000, {2, 3}), iid_part(1'000, {2, 3}));
    EXPECT_EQ(iid_part(5, {1, 1}).size(), 5U);
    EXPECT_TRUE(iid_part(2, {3, 3}).empty());
}

/// Images with labels only; classes take turns.
ImageSet labelled_set(std::size_t size) {
    ImageSet set;
    for (std::size_t i = 0; i < size; ++i) {
        set.labels.push_back(static_cast<std::uint8_t>(i % image_classes));
    }
    return set;
}

TEST(SkewedPart, GivesEachOfTwoMembersMostlyItsOwnClasses) {
    const ImageSet set = labelled_set(4'000);
    for (const std::uint32_t index : {1U, 2U}) {
        const auto part = skewed_part(set, {index, 2});
        ASSERT_EQ(part.size(), 2'000U);
        EXPECT_EQ(part, skewed_part(set, {index, 2}));
        std::array<std::size_t, image_classes> counts{};
        for (const std::uint32_t image : part) {
            ++counts[set.labels[image]];
        }
        const bool first = index == 1;
        const auto own = std::accumulate(counts.begin() + (first ? 0 : 5),
                                         counts.begin() + (first ? 5 : 10), std::size_t{0});
        EXPECT_NEAR(static_cast<double>(own), 1'900, 40);
        EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 0U)
            << "it has some images of each class";
    }
}

TEST(SkewedPart, SharesAreEqualAndDisjoint) {
    const ImageSet set = labelled_set(1'000);
    for (const std::uint32_t count : {1U, 3U, 7U}) {
        std::set<std::uint32_t> seen;
        std::size_t total = 0;
        for (std::uint32_t index = 1; index <= count; ++index) {
            const auto part = skewed_part(set, {index, count});
            EXPECT_EQ(part.size(), skewed_part(set, {1, count}).size());
            seen.insert(part.begin(), part.end());
            total += part.size();
        }
        EXPECT_EQ(seen.size(), total);
        EXPECT_GE(total, 1'000 - 2 * (count - 1));
    }
    EXPECT_TRUE(skewed_part(labelled_set(2), {3, 3}).empty());
}

/// A set whose image i has label i % 10 and is filled with the byte i.
ImageSet flat_set(std::size_t size) {
    ImageSet set;
    for (std::size_t i = 0; i < size; ++i) {
        set.labels.push_back(static_cast<std::uint8_t>(i % image_classes));
        set.pixels.insert(set.pixels.end(), image_bytes, static_cast<std::uint8_t>(i));
    }
    return set;
}

std::vector<int> images_of_epoch(BatchSource& source, std::uint64_t epoch) {
    std::vector<int> images;
    source.start_epoch(epoch);
    while (const std::optional<Batch> batch = source.next()) {
        for (std::size_t i = 0; i < batch->size(); ++i) {
            images.push_back(
                static_cast<int>(std::lround(batch->pixels[i * image_bytes] * 255.0F)));
            EXPECT_EQ(images.back() % 10, batch->labels[i]);
        }
    }
    return images;
}

TEST(BatchSource, YieldsEveryImageOncePerEpochInADifferentOrder) {
    const ImageSet set = flat_set(100);
    BatchSource source(set, full_part(100), {.batch_size = 32, .seed = 4, .shard_index = 1});
    EXPECT_EQ(source.batches_per_epoch(), 4U);
    const std::vector<int> first = images_of_epoch(source, 1);
    const std::vector<int> second = images_of_epoch(source, 2);
    EXPECT_EQ(std::set<int>(first.begin(), first.end()).size(), 100U);
    EXPECT_EQ(first.size(), 100U);
    EXPECT_NE(first, second);
    EXPECT_EQ(images_of_epoch(source, 1), first)
        << "an epoch's order does not depend on earlier ones";
    BatchSource other(set, full_part(100), {.batch_size = 32, .seed = 4, .shard_index = 2});
    EXPECT_NE(images_of_epoch(other, 1), first) << "shards with one seed shuffle differently";
}

TEST(BatchSource, ResumesAfterTheBatchesAlreadySeen) {
    const ImageSet set = flat_set(100);
    BatchSource whole(set, full_part(100), {.batch_size = 32});
    BatchSource rest(set, full_part(100), {.batch_size = 32});
    for (std::uint64_t done = 0; done <= 5; ++done) {
        whole.start_epoch(3);
        for (std::uint64_t i = 0; i < done; ++i) {
            whole.next();
        }
        rest.start_epoch(3, done);
        while (const std::optional<Batch> batch = rest.next()) {
            const std::optional<Batch> expected = whole.next();
            ASSERT_TRUE(expected);
            EXPECT_EQ(batch->pixels, expected->pixels) << done;
        }
        EXPECT_FALSE(whole.next()) << done;
    }
}

TEST(PlainBatch, StopsAtTheEndOfTheSet) {
    const ImageSet set = flat_set(25);
    EXPECT_EQ(plain_batch(set, 20, 10).size(), 5U);
    EXPECT_FLOAT_EQ(plain_batch(set, 20, 10).pixels[0], 20.0F / 255.0F);
}

}  // namespace
}  // namespace starling
