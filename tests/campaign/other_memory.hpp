#pragma once

namespace starling::test {

/// Changes the memory of this process: allocated and freed blocks are filled with a pattern, and
/// libraft's blocks begin at multiples of 64 KiB. A swarm must behave the same; reading
/// uninitialised memory, or an address as a flag, shows up as a difference.
void use_other_memory();

}  // namespace starling::test
