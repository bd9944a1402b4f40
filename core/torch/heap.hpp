#pragma once

namespace starling {

/// From now on the process keeps the memory that it frees, up to 32 MiB a block, and all threads
/// share one heap. Torch frees all tensors of a batch before the next one needs as many: by default
/// glibc returns the larger ones to the kernel each time, which then zeroes their pages anew, and
/// whether it does depends on what was allocated before. Call it before other threads start.
/// Variables of the environment that choose otherwise win (mallopt(3): MALLOC_..., GLIBC_TUNABLES).
void keep_freed_memory();

}  // namespace starling
