#pragma once

#include <span>
#include <vector>

#include <sys/types.h>

#include "core/base/bytes.hpp"
#include "transport/descriptor.hpp"

namespace starling {

// Descriptors that travel with bytes on a Unix socket (SCM_RIGHTS). Both functions fail like send()
// and recv(), with errno, and never block.

/// More that arrive at once are closed.
constexpr std::size_t passed_files_max = 3;

/// Sends some of `bytes`, at least one, with `files` attached to the first.
/// \pre  1 to passed_files_max files, and `bytes` is not empty.
ssize_t send_with_files(int socket, ByteView bytes, std::span<const Descriptor> files);
/// Receives bytes, and the descriptors that come with them into `files`.
ssize_t receive_with_files(int socket, std::span<std::byte> space, std::vector<Descriptor>& files);

}  // namespace starling
