#pragma once

#if defined(__x86_64__) && __has_include(<intel-ipsec-mb.h>)
#define STARLING_HAS_IPSEC_MB 1
#include <intel-ipsec-mb.h>

namespace starling {

/// libipsec-mb, loaded at run time, so that programs run without it.
struct IpsecMb {
    const IMB_MGR* functions = nullptr;  ///< for this CPU; nullptr: they can't be used
    const char* missing = "";            ///< why not
};

/// Loads it on the first call. Thread-safe.
const IpsecMb& ipsec_mb();

}  // namespace starling

#endif
