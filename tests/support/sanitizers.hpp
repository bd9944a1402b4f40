#pragma once

namespace starling::test {

/// The address sanitizer keeps what was freed and takes its time: some limits say nothing then.
#if defined(__SANITIZE_ADDRESS__)  // g++
constexpr bool with_sanitizers = true;
#elif defined(__has_feature)  // clang
constexpr bool with_sanitizers = __has_feature(address_sanitizer);
#else
constexpr bool with_sanitizers = false;
#endif

}  // namespace starling::test
