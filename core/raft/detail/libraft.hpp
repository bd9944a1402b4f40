#pragma once

// Standard headers first: the macro below must not reach them.
#include <cassert>
#include <cstdint>
#include <cstdio>

// The header's checks of its own layout are no valid C++; raft_layout_test compares with C.
#ifdef __clang__
#pragma clang diagnostic ignored "-Wkeyword-macro"
#endif
#define static_assert(...)  // NOLINT
extern "C" {
#include <raft.h>
}
#undef static_assert
#if RAFT_VERSION_NUMBER < 2201
#error "libraft 0.22.1 or newer is needed: older ones lose committed entries"
#endif
