#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"

namespace starling {

/// When an X.509 certificate expires (RFC 5280, 4.1.2.5: notAfter), for people to read: nothing is
/// verified. \param der  may be followed by further certificates
/// \return  seconds since 1970; nothing: it is no certificate
std::optional<std::int64_t> certificate_end(ByteView der);

}  // namespace starling
