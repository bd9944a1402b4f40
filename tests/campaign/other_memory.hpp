#pragma once

namespace starling::test {

/// Gives this process other memory than it would have: new and freed blocks are filled with a
/// pattern, and libraft's blocks begin at multiples of 64 KiB. None of that may change what a swarm
/// does, but reading what was never written, or an address as something else, does.
void use_other_memory();

}  // namespace starling::test
