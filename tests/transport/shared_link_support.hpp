#pragma once

#include <array>
#include <cmath>
#include <cstring>

#include "core/base/bytes.hpp"
#include "core/base/coding.hpp"
#include "core/base/random.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling::test {

constexpr std::uint64_t fault_seeds = 200;
constexpr std::size_t largest_piece = std::size_t{1} << 20U;
/// Small ones as often as large ones: from 1 to `most` bytes.
inline std::size_t drawn_size(Random& random, std::size_t most) {
    return static_cast<std::size_t>(std::pow(static_cast<double>(most), random.uniform()));
}

/// The bytes that an end sends, each determined by its position.
class DrawnStream {
public:
    explicit DrawnStream(std::uint64_t seed) : seed_(seed) {}

    Bytes at(std::uint64_t position, std::size_t count) const {
        const std::uint64_t first = position / word_bytes;
        Bytes words((position % word_bytes + count + word_bytes - 1) / word_bytes * word_bytes);
        for (std::size_t i = 0; i < words.size(); i += word_bytes) {
            const std::uint64_t word = (seed_ + first + i / word_bytes) * 0x9e3779b97f4a7c15U;
            std::memcpy(words.data() + i, &word, word_bytes);
        }
        words.erase(words.begin(),
                    words.begin() + static_cast<std::ptrdiff_t>(position % word_bytes));
        words.resize(count);
        return words;
    }

private:
    static constexpr std::size_t word_bytes = sizeof(std::uint64_t);
    std::uint64_t seed_;
};

inline Bytes record_of(std::uint32_t kind, std::uint32_t count, std::uint32_t offset,
                       std::uint32_t magic = SharedLink::magic) {
    Writer writer;
    for (const std::uint32_t field : {magic, kind, count, offset}) {
        writer.u32(field);
    }
    return writer.take();
}

/// What two ends of a link share, as each of them sees it. The second one trusts the first, like a
/// program its SL.
struct SharedBetween {
    SharedRings rings;
    SharedPools pools;
};
inline std::array<SharedBetween, 2> make_shared_memory() {
    using Use = SharedRegion::Use;
    const auto opened = [](const SharedRegion& region, Use use, std::size_t size) {
        return *SharedRegion::open(region.file(), use, size);
    };
    SharedRegion forth = *SharedRegion::create(Use::write);
    SharedRegion back = *SharedRegion::create(Use::read);
    SharedRegion forth_there = opened(forth, Use::read, shared_region_bytes);
    SharedRegion back_there = opened(back, Use::write, shared_region_bytes);
    std::array<SharedPools, 2> pools;
    for (std::size_t i = 0; i < 2; ++i) {
        SharedRegion pool = *SharedRegion::create(Use::write_alone, SharedPool::size_bytes);
        pools.at(1 - i).peer =
            std::make_shared<const SharedRegion>(opened(pool, Use::read, SharedPool::size_bytes));
        pools.at(i).own = std::make_shared<SharedPool>(std::move(pool));
    }
    pools[1].trusts_peer = true;
    return {SharedBetween{{std::move(forth), std::move(back)}, std::move(pools[0])},
            SharedBetween{{std::move(back_there), std::move(forth_there)}, std::move(pools[1])}};
}

}  // namespace starling::test
