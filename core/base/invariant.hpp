#pragma once

namespace starling {

/// Prints what was broken and where, then aborts. In every build: a node that is wrong about itself
/// must not go on to agree on something.
[[noreturn]] void invariant_broken(const char* expression, const char* reason, const char* file,
                                   int line);

}  // namespace starling

/// States what holds at this place and why. Never for anything that a peer or a file can cause.
#define STARLING_INVARIANT(expression, reason) \
    (static_cast<bool>(expression)             \
         ? static_cast<void>(0)                \
         : ::starling::invariant_broken(#expression, reason, __FILE__, __LINE__))
