#include <cstdint>

#include "transport/crypto/sha256_lanes.hpp"
#include "transport/crypto/sha256_parts.hpp"

#ifdef __x86_64__

#ifndef __clang__
// False positives of g++ 12 in its own header (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

#define STARLING_LANES __attribute__((target("avx512f,avx512bw")))

namespace starling::sha256::avx512 {
namespace {

constexpr std::size_t lane_count = 16;

// Truth tables of vpternlogd; bit 4x + 2y + z is the result for x, y, z.
constexpr int truth_xor = 0x96;       // x ^ y ^ z
constexpr int truth_choose = 0xca;    // Ch: x ? y : z
constexpr int truth_majority = 0xe8;  // Maj

/// Word t of the block of each message, t the index in the array.
using Words = __m512i[16];

/// FIPS 180-4, 4.1.2: each sigma is the exclusive or of three rotations, the lower-case ones with
/// a shift in place of the last.
template <int First, int Second, int Third>
STARLING_LANES inline __m512i big_sigma(__m512i x) {
    return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, First), _mm512_ror_epi32(x, Second),
                                     _mm512_ror_epi32(x, Third), truth_xor);
}
template <int First, int Second, int Shift>
STARLING_LANES inline __m512i small_sigma(__m512i x) {
    return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, First), _mm512_ror_epi32(x, Second),
                                     _mm512_srli_epi32(x, Shift), truth_xor);
}

/// Keeps the compiler from adding in another order, with which a round waits longer for the last.
STARLING_LANES inline __m512i in_this_order(__m512i sum) {
    __asm__("" : "+v"(sum));
    return sum;
}

/// A block of each message, transposed: its big-endian words into lanes.
STARLING_LANES void load(const std::byte* const* messages, std::size_t offset, Words& words) {
    const __m512i reversed =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    __m512i rows[16];
    STARLING_UNROLL
    for (int i = 0; i < 16; ++i) {
        rows[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(messages[i] + offset), reversed);
    }
    __m512i pairs[16];  // of words, then of pairs of words, of neighbouring messages
    STARLING_UNROLL
    for (int i = 0; i < 16; i += 2) {
        pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    STARLING_UNROLL
    for (int i = 0; i < 16; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    // rows[4 a + b] holds words b, 4 + b, 8 + b, 12 + b of messages 4 a to 4 a + 3.
    STARLING_UNROLL
    for (int b = 0; b < 4; ++b) {
        const __m512i low = _mm512_shuffle_i32x4(rows[b], rows[4 + b], 0x88);
        const __m512i high = _mm512_shuffle_i32x4(rows[b], rows[4 + b], 0xdd);
        const __m512i low2 = _mm512_shuffle_i32x4(rows[8 + b], rows[12 + b], 0x88);
        const __m512i high2 = _mm512_shuffle_i32x4(rows[8 + b], rows[12 + b], 0xdd);
        words[b] = _mm512_shuffle_i32x4(low, low2, 0x88);
        words[4 + b] = _mm512_shuffle_i32x4(high, high2, 0x88);
        words[8 + b] = _mm512_shuffle_i32x4(low, low2, 0xdd);
        words[12 + b] = _mm512_shuffle_i32x4(high, high2, 0xdd);
    }
}

/// FIPS 180-4, 6.2.2, with the message schedule in place.
STARLING_LANES void compress(__m512i (&state)[8], Words& words) {
    __m512i s[8];
    for (int i = 0; i < 8; ++i) {
        s[i] = state[i];
    }
    for (int begin = 0; begin < 64; begin += 16) {
        STARLING_UNROLL
        for (int t = 0; t < 16; ++t) {
            if (begin > 0) {
                words[t] = _mm512_add_epi32(
                    _mm512_add_epi32(words[t], small_sigma<7, 18, 3>(words[(t + 1) & 15])),
                    _mm512_add_epi32(words[(t + 9) & 15],
                                     small_sigma<17, 19, 10>(words[(t + 14) & 15])));
            }
            // a to h stand in s[-t & 7] and after it, so that no value moves.
            const __m512i a = s[(0 - t) & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7];
            const __m512i e = s[(4 - t) & 7], f = s[(5 - t) & 7], g = s[(6 - t) & 7];
            const __m512i constant =
                _mm512_set1_epi32(static_cast<int>(round_constants[begin + t]));
            // d and first, without the sigma of e, which takes the longest.
            const __m512i known =
                _mm512_add_epi32(s[(7 - t) & 7], _mm512_add_epi32(constant, words[t]));
            const __m512i choice = _mm512_ternarylogic_epi32(e, f, g, truth_choose);
            const __m512i sum = in_this_order(_mm512_add_epi32(known, choice));
            const __m512i d = in_this_order(
                _mm512_add_epi32(in_this_order(_mm512_add_epi32(known, s[(3 - t) & 7])), choice));
            const __m512i sigma = big_sigma<6, 11, 25>(e);
            const __m512i majority = _mm512_ternarylogic_epi32(a, b, c, truth_majority);
            s[(3 - t) & 7] = _mm512_add_epi32(d, sigma);
            s[(7 - t) & 7] =
                _mm512_add_epi32(in_this_order(_mm512_add_epi32(
                                     in_this_order(_mm512_add_epi32(sum, sigma)), majority)),
                                 big_sigma<2, 13, 22>(a));
        }
    }
    for (int i = 0; i < 8; ++i) {
        state[i] = _mm512_add_epi32(state[i], s[i]);
    }
}

/// FIPS 180-4, 5.1.1: what follows a message of whole blocks.
STARLING_LANES void fill_padding(std::size_t size, Words& words) {
    for (__m512i& word : words) {
        word = _mm512_setzero_si512();
    }
    words[0] = _mm512_set1_epi32(static_cast<int>(0x80000000U));
    words[15] = _mm512_set1_epi32(static_cast<int>(8 * size));
}

}  // namespace

STARLING_LANES void hash(const std::byte* const* messages, std::size_t size, Digest* digests) {
    __m512i state[8];
    for (int i = 0; i < 8; ++i) {
        state[i] = _mm512_set1_epi32(static_cast<int>(initial_hash[i]));
    }
    Words words;
    for (std::size_t offset = 0; offset < size; offset += block_bytes) {
        load(messages, offset, words);
        compress(state, words);
    }
    fill_padding(size, words);
    compress(state, words);
    std::uint32_t lanes[8][lane_count];
    for (int i = 0; i < 8; ++i) {
        _mm512_storeu_si512(lanes[i], state[i]);
    }
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        digests[lane] = digest_of({lanes[0][lane], lanes[1][lane], lanes[2][lane], lanes[3][lane],
                                   lanes[4][lane], lanes[5][lane], lanes[6][lane], lanes[7][lane]});
    }
}

}  // namespace starling::sha256::avx512

#undef STARLING_LANES

#endif
