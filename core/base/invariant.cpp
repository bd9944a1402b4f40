#include "core/base/invariant.hpp"

#include <cstdio>
#include <cstdlib>

namespace starling {

void invariant_broken(const char* expression, const char* reason, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: invariant broken: %s (%s)\n", file, line, expression, reason);
    std::abort();
}

}  // namespace starling
