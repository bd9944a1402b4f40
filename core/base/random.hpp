#pragma once

#include <cstdint>
#include <string_view>

namespace starling {

/// A seeded generator with distributions of our own, since the standard ones differ between
/// libraries: one seed gives the same next(), below() and uniform() everywhere, and the same
/// normal() with the same C library (log, sin and cos are not rounded alike by all). Algorithm:
/// xoshiro256** seeded by SplitMix64 (Blackman and Vigna 2018).
class Random {
public:
    explicit Random(std::uint64_t seed);

    std::uint64_t next();
    /// Evenly out of [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);
    /// Evenly out of [0, 1), 53 random bits.
    double uniform();
    /// Mean 0, variance 1 (Box and Muller 1958).
    double normal();
    bool chance(double probability) { return uniform() < probability; }

private:
    std::uint64_t state_[4];
    double spare_ = 0.0;
    bool has_spare_ = false;
};

/// A seed of its own for everything with a name, all from one seed.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);

}  // namespace starling
