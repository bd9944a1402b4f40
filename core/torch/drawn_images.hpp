#pragma once

#include <cstdint>

#include "core/torch/image_set.hpp"

namespace starling {

struct DrawnImagesOptions {
    std::uint64_t seed = 1;
    std::size_t train_count = 20'000;
    std::size_t test_count = 4'000;
};

/// A set of drawn 32 x 32 colour pictures, for machines without CIFAR-10. Ten classes: disc, ring,
/// square, triangle, cross, bar, two discs, and discs filled with stripes across, stripes along or
/// a chequerboard. Place, size, turn, colours, background, clutter and noise are drawn at random,
/// so no pixel means a class: a linear model stays far behind a small convolutional network. The
/// same seed gives the same bytes everywhere (only +, -, *, / and square roots, which IEEE 754
/// rounds exactly). The image at an index depends on seed and index alone, not on the counts.
ImageData draw_images(const DrawnImagesOptions& options);

}  // namespace starling
