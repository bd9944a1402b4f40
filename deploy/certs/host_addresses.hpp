#pragma once

#include <string>
#include <vector>

namespace starling {

/// The addresses of this host's interfaces, loopback and link-local ones left out, sorted: by which
/// others may dial it. Empty if the system does not tell.
std::vector<std::string> host_addresses();

/// What this host calls itself (gethostname), or nothing.
std::string host_name();

}  // namespace starling
