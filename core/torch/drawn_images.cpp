// Every image has a generator of its own, seeded by set and index, so that an image does not depend
// on how many are drawn. Only +, -, *, / and square roots are used: sines and cosines differ in the
// last bit between mathematics libraries, and all members must have the same bytes.
#include "core/torch/drawn_images.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/random.hpp"

namespace starling {
namespace {

using Colour = std::array<int, image_channels>;

enum Shape : std::uint8_t {
    disc,
    ring,
    square,
    triangle,
    cross,
    bar,
    two_discs,
    stripes_across,
    stripes_along,
    chequerboard
};

/// Uniform in [low, high).
double between(Random& random, double low, double high) {
    return low + (high - low) * random.uniform();
}

Colour random_colour(Random& random) {
    return {static_cast<int>(random.below(256)), static_cast<int>(random.below(256)),
            static_cast<int>(random.below(256))};
}

int distance(const Colour& a, const Colour& b) {
    return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
}

/// A colour that differs from `other` by more than the noise.
Colour contrasting_colour(Random& random, const Colour& other) {
    for (;;) {
        const Colour colour = random_colour(random);
        if (distance(colour, other) >= 170) {
            return colour;
        }
    }
}

/// A figure's pose: centre and radius in pixels, and its rotation.
struct Pose {
    double x, y, radius;
    double cosine, sine;
};

/// Rotated by up to about 20 degrees.
Pose random_pose(Random& random) {
    Pose pose{};
    pose.radius = between(random, 6.0, 10.5);
    pose.x = between(random, pose.radius, 32.0 - pose.radius);
    pose.y = between(random, pose.radius, 32.0 - pose.radius);
    const double slope = between(random, -0.36, 0.36);
    pose.cosine = 1.0 / std::sqrt(1.0 + slope * slope);
    pose.sine = slope * pose.cosine;
    return pose;
}

/// The figure's colour (1 or 2) at (u, v), in units of its radius; 0: outside.
int figure_at(Shape shape, double u, double v, double period, double phase) {
    const double square_distance = u * u + v * v;
    // Shifted to positive values, so that the conversion rounds down.
    const auto stripe = [&](double along) {
        return static_cast<int>((along + 4.0 + phase) / period) % 2;
    };
    const auto in_disc = [](double du, double dv, double radius) {
        return du * du + dv * dv < radius * radius;
    };
    switch (shape) {
        case disc:
            return square_distance < 1.0 ? 1 : 0;
        case ring:
            return square_distance < 1.0 && square_distance > 0.3 ? 1 : 0;
        case square:
            return std::abs(u) < 0.8 && std::abs(v) < 0.8 ? 1 : 0;
        case triangle:
            return v < 0.8 && v > -1.0 + 2.0 * std::abs(u) ? 1 : 0;
        case cross:
            return (std::abs(u) < 0.3 && std::abs(v) < 1.0) ||
                   (std::abs(v) < 0.3 && std::abs(u) < 1.0);
        case bar:
            return std::abs(u) < 0.3 && std::abs(v) < 1.0 ? 1 : 0;
        case two_discs:
            return in_disc(u - 0.55, v, 0.45) || in_disc(u + 0.55, v, 0.45) ? 1 : 0;
        case stripes_across:
            return square_distance < 1.0 ? 1 + stripe(v) : 0;
        case stripes_along:
            return square_distance < 1.0 ? 1 + stripe(u) : 0;
        case chequerboard:
            return square_distance < 1.0 ? 1 + (stripe(u) + stripe(v)) % 2 : 0;
    }
    return 0;
}

/// A picture under construction.
struct Canvas {
    std::array<int, image_bytes> values{};

    void set(std::size_t x, std::size_t y, const Colour& colour, double share) {
        for (std::size_t c = 0; c < image_channels; ++c) {
            int& value = values[(c * image_side + y) * image_side + x];
            value += static_cast<int>(static_cast<double>(colour[c] - value) * share);
        }
    }
};

/// Fills the canvas with a gradient between two colours, in a random direction.
void draw_background(Canvas& canvas, Random& random, const Colour& colour) {
    Colour other{};
    for (std::size_t c = 0; c < image_channels; ++c) {
        other[c] = std::clamp(colour[c] + static_cast<int>(random.below(121)) - 60, 0, 255);
    }
    const double across = between(random, -1.0, 1.0);
    const double down = between(random, -1.0, 1.0);
    for (std::size_t y = 0; y < image_side; ++y) {
        for (std::size_t x = 0; x < image_side; ++x) {
            const double along = 0.5 + (across * (static_cast<double>(x) - 15.5) +
                                        down * (static_cast<double>(y) - 15.5)) /
                                           62.0;
            canvas.set(x, y, colour, 1.0);
            canvas.set(x, y, other, along);
        }
    }
}

/// Small rectangles and single lines of any colour, behind the figure.
void draw_clutter(Canvas& canvas, Random& random) {
    const std::uint64_t pieces = 3 + random.below(5);
    for (std::uint64_t i = 0; i < pieces; ++i) {
        const Colour colour = random_colour(random);
        const bool flat = random.chance(0.5);
        const std::uint64_t width = flat ? 2 + random.below(7) : 1 + random.below(2);
        const std::uint64_t height = flat ? 1 + random.below(2) : 2 + random.below(7);
        const std::uint64_t left = random.below(image_side - width);
        const std::uint64_t top = random.below(image_side - height);
        for (std::uint64_t y = top; y < top + height; ++y) {
            for (std::uint64_t x = left; x < left + width; ++x) {
                canvas.set(x, y, colour, 0.7);
            }
        }
    }
}

/// Draws the figure, with four samples per pixel to smooth its edges.
void draw_figure(Canvas& canvas, Random& random, Shape shape, const Colour& background) {
    const Pose pose = random_pose(random);
    const Colour first = contrasting_colour(random, background);
    const Colour second = contrasting_colour(random, first);
    const double period = between(random, 3.0, 4.5) / pose.radius;
    const double phase = between(random, 0.0, 2.0) * period;
    for (std::size_t y = 0; y < image_side; ++y) {
        for (std::size_t x = 0; x < image_side; ++x) {
            std::array<int, 3> hits{};
            for (int corner = 0; corner < 4; ++corner) {
                const double dx = static_cast<double>(x) + (corner % 2 == 0 ? 0.25 : 0.75) - pose.x;
                const double dy = static_cast<double>(y) + (corner / 2 == 0 ? 0.25 : 0.75) - pose.y;
                const double u = (dx * pose.cosine + dy * pose.sine) / pose.radius;
                const double v = (dy * pose.cosine - dx * pose.sine) / pose.radius;
                ++hits[static_cast<std::size_t>(figure_at(shape, u, v, period, phase))];
            }
            canvas.set(x, y, first, hits[1] / 4.0);
            canvas.set(x, y, second, hits[2] / 4.0);
        }
    }
}

void draw_image(std::uint64_t seed, std::string_view set, std::size_t index, std::uint8_t label,
                std::span<std::uint8_t> out) {
    Random random(derive_seed(seed, std::string(set) + "/" + std::to_string(index)));
    Canvas canvas;
    const Colour background = random_colour(random);
    draw_background(canvas, random, background);
    draw_clutter(canvas, random);
    draw_figure(canvas, random, static_cast<Shape>(label), background);
    constexpr int noise = 24;
    for (std::size_t i = 0; i < image_bytes; ++i) {
        const int shift = static_cast<int>(random.below(2 * noise + 1)) - noise;
        out[i] = static_cast<std::uint8_t>(std::clamp(canvas.values[i] + shift, 0, 255));
    }
}

ImageSet draw_set(std::uint64_t seed, std::string_view name, std::size_t count) {
    ImageSet set;
    set.labels.resize(count);
    set.pixels.resize(count * image_bytes);
    for (std::size_t i = 0; i < count; ++i) {
        // Classes in turn: any ten consecutive images have each class once.
        set.labels[i] = static_cast<std::uint8_t>(i % image_classes);
        draw_image(seed, name, i, set.labels[i],
                   std::span(set.pixels).subspan(i * image_bytes, image_bytes));
    }
    return set;
}

}  // namespace

ImageData draw_images(const DrawnImagesOptions& options) {
    ImageData data;
    data.source = "drawn images, seed " + std::to_string(options.seed);
    data.class_names = {"disc", "ring",      "square",         "triangle",      "cross",
                        "bar",  "two discs", "stripes across", "stripes along", "chequerboard"};
    data.train = draw_set(options.seed, "train", options.train_count);
    data.test = draw_set(options.seed, "test", options.test_count);
    return data;
}

}  // namespace starling
