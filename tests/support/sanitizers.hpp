#pragma once

namespace starling::test {

// g++ defines a macro, clang has a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STARLING_WITH_SANITIZERS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STARLING_WITH_SANITIZERS 1
#endif

/// Sanitizers keep freed memory and slow programs down: some limits can't be tested with them.
#ifdef STARLING_WITH_SANITIZERS
constexpr bool with_sanitizers = true;
#else
constexpr bool with_sanitizers = false;
#endif

}  // namespace starling::test
