#pragma once

namespace starling {

/// Raises the number of descriptors that this process may have to the most that its user may allow
/// it (the hard limit of RLIMIT_NOFILE).
void allow_many_files();

}  // namespace starling
