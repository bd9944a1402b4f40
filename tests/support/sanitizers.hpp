#pragma once

namespace starling::test {

// g++ defines a macro, clang has a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STARLING_WITH_SANITIZERS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define STARLING_WITH_SANITIZERS 1
#endif

/// The address sanitizer keeps what was freed and takes its time: some limits say nothing then.
#ifdef STARLING_WITH_SANITIZERS
constexpr bool with_sanitizers = true;
#else
constexpr bool with_sanitizers = false;
#endif

}  // namespace starling::test
