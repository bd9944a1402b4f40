#pragma once

#include "core/base/hasher.hpp"

namespace starling {

/// SHA-256 by OpenSSL, which uses the processor's SHA instructions.
const Hasher& openssl_hasher();

}  // namespace starling
