#include "transport/crypto/sha256_lanes.hpp"

#include <vector>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace starling {
namespace {

#ifdef __x86_64__

/// The compiler's __builtin_cpu_supports() does not know "sha" yet (GCC 12, clang 14).
bool has_sha_instructions() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0 &&
           __builtin_cpu_supports("sse4.1");
}

std::vector<Sha256Lanes> find_lanes() {
    std::vector<Sha256Lanes> found;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
        found.push_back({"AVX-512", 16, 6, sha256::avx512::hash});
    }
    if (has_sha_instructions()) {
        found.push_back({"SHA instructions", 4, 2, sha256::instructions::hash});
    }
    return found;
}

#else

std::vector<Sha256Lanes> find_lanes() { return {}; }

#endif

}  // namespace

std::span<const Sha256Lanes> sha256_lanes() {
    static const std::vector<Sha256Lanes> lanes = find_lanes();
    return lanes;
}

}  // namespace starling
