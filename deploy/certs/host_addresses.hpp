#pragma once

#include <string>
#include <vector>

namespace starling {

/// The addresses by which others may dial this host, sorted: those of its interfaces except
/// loopback and link-local ones. Empty if the system reports none.
std::vector<std::string> host_addresses();

/// This host's name (gethostname), or nothing.
std::string host_name();

}  // namespace starling
