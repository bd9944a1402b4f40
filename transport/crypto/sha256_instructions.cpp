#include <cstdint>

#include "transport/crypto/sha256_lanes.hpp"
#include "transport/crypto/sha256_parts.hpp"

#ifdef __x86_64__

#include <immintrin.h>

#define STARLING_SHA __attribute__((target("sha,sse4.1")))

namespace starling::sha256::instructions {
namespace {

constexpr std::size_t lane_count = 4;

/// The state of a message as the instructions want it: words a, b, e, f and c, d, g, h, the first
/// one highest.
struct State {
    __m128i abef;
    __m128i cdgh;
};

/// Words 4 i to 4 i + 3 of a block of a message stand in words[i]; later those of the message
/// schedule, which has the last 16 in place.
using Words = __m128i[4];

STARLING_SHA inline void load(const std::byte* block, Words& words) {
    const __m128i reversed = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    STARLING_UNROLL
    for (int i = 0; i < 4; ++i) {
        const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + i);
        words[i] = _mm_shuffle_epi8(row, reversed);
    }
}

/// FIPS 180-4, 6.2.2, step 1, for the words 4 `group` to 4 `group` + 3 of the schedule.
STARLING_SHA inline void schedule(int group, Words& words) {
    __m128i& next = words[group & 3];
    const __m128i last = words[(group + 3) & 3];
    const __m128i seven_before = _mm_alignr_epi8(last, words[(group + 2) & 3], 4);
    next = _mm_sha256msg2_epu32(
        _mm_add_epi32(_mm_sha256msg1_epu32(next, words[(group + 1) & 3]), seven_before), last);
}

/// FIPS 180-4, 6.2.2, for a block of each message. All loops are unrolled, so that the messages'
/// instructions alternate and the states stay in registers.
STARLING_SHA inline void compress(State (&states)[lane_count], const std::byte* const* messages,
                                  std::size_t offset) {
    Words words[lane_count];
    State running[lane_count];
    STARLING_UNROLL
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        running[lane] = states[lane];
        load(messages[lane] + offset, words[lane]);
    }
    STARLING_UNROLL
    for (int group = 0; group < 16; ++group) {
        const __m128i constants =
            _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants) + group);
        STARLING_UNROLL
        for (std::size_t lane = 0; lane < lane_count; ++lane) {
            if (group >= 4) {
                schedule(group, words[lane]);
            }
            // Two rounds by the two lower words of the sum, then two by the upper ones.
            const __m128i sum = _mm_add_epi32(words[lane][group & 3], constants);
            State& s = running[lane];
            s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, sum);
            s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(sum, 0x0e));
        }
    }
    STARLING_UNROLL
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        states[lane].abef = _mm_add_epi32(states[lane].abef, running[lane].abef);
        states[lane].cdgh = _mm_add_epi32(states[lane].cdgh, running[lane].cdgh);
    }
}

/// FIPS 180-4, 5.1.1: the block that follows a message of whole blocks.
struct Padding {
    explicit Padding(std::size_t size) {
        bytes[0] = std::byte{0x80};
        for (std::size_t i = 0; i < 8; ++i) {
            bytes[block_bytes - 1 - i] = static_cast<std::byte>((8 * size) >> (8 * i));
        }
    }
    std::byte bytes[block_bytes] = {};
};

STARLING_SHA Digest digest_of(const State& state) {
    std::uint32_t abef[4];
    std::uint32_t cdgh[4];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(abef), state.abef);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(cdgh), state.cdgh);
    return sha256::digest_of(
        {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]});
}

STARLING_SHA __m128i four_words(std::uint32_t highest, std::uint32_t second, std::uint32_t third,
                                std::uint32_t lowest) {
    return _mm_set_epi32(static_cast<int>(highest), static_cast<int>(second),
                         static_cast<int>(third), static_cast<int>(lowest));
}

}  // namespace

STARLING_SHA void hash(const std::byte* const* messages, std::size_t size, Digest* digests) {
    const auto& h = initial_hash;
    State states[lane_count];
    for (State& state : states) {
        state = {four_words(h[0], h[1], h[4], h[5]), four_words(h[2], h[3], h[6], h[7])};
    }
    for (std::size_t offset = 0; offset < size; offset += block_bytes) {
        compress(states, messages, offset);
    }
    const Padding padding(size);
    const std::byte* const last_blocks[lane_count] = {padding.bytes, padding.bytes, padding.bytes,
                                                      padding.bytes};
    compress(states, last_blocks, 0);
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        digests[lane] = digest_of(states[lane]);
    }
}

}  // namespace starling::sha256::instructions

#undef STARLING_SHA

#endif
