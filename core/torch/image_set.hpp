#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling {

constexpr std::size_t image_side = 32;
constexpr std::size_t image_channels = 3;
constexpr std::size_t image_bytes = image_channels * image_side * image_side;
constexpr std::size_t image_classes = 10;

/// Labelled 32 x 32 colour images, as bytes.
struct ImageSet {
    std::vector<std::uint8_t> pixels;  ///< N x 3 x 32 x 32: R, G and B planes, each row by row
    std::vector<std::uint8_t> labels;  ///< N, each < image_classes

    std::size_t size() const { return labels.size(); }
    std::span<const std::uint8_t, image_bytes> image(std::size_t index) const {
        return std::span<const std::uint8_t, image_bytes>(pixels.data() + index * image_bytes,
                                                          image_bytes);
    }
};

/// Training and test images.
struct ImageData {
    std::string
        source;  ///< description, also in the model file: "CIFAR-10", "drawn images, seed 1"
    std::array<std::string_view, image_classes> class_names{};
    ImageSet train;
    ImageSet test;
};

}  // namespace starling
