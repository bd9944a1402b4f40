#include "transport/crypto/ipsec_mb.hpp"

#if defined(STARLING_HAS_IPSEC_MB)
#include <cstdint>

#include <dlfcn.h>

namespace starling {
namespace {

constexpr const char* no_vector_aes = "this CPU or system has no VAES with AVX-512";

IpsecMb load_ipsec_mb() {
    // The library asks the CPU only; this asks whether the system has switched these on, too.
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("vpclmulqdq")) {
        return {nullptr, no_vector_aes};
    }
    void* const library = ::dlopen("libIPSec_MB.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return {nullptr, "libipsec-mb is not installed"};
    }
    const auto version = reinterpret_cast<unsigned (*)()>(::dlsym(library, "imb_get_version"));
    const auto allocate =
        reinterpret_cast<IMB_MGR* (*)(std::uint64_t)>(::dlsym(library, "alloc_mb_mgr"));
    const auto init = reinterpret_cast<void (*)(IMB_MGR*)>(::dlsym(library, "init_mb_mgr_avx512"));
    // Its structure may have grown since this was compiled, not shrunk.
    if (version == nullptr || allocate == nullptr || init == nullptr ||
        version() < IMB_VERSION_NUM) {
        return {nullptr, "the libipsec-mb that is installed is too old"};
    }
    IMB_MGR* const functions = allocate(0);
    constexpr std::uint64_t needed = IMB_CPUFLAGS_AVX512_T2;
    if (functions == nullptr || (functions->features & needed) != needed) {
        return {nullptr, no_vector_aes};
    }
    init(functions);
    return {functions, ""};
}

}  // namespace

const IpsecMb& ipsec_mb() {
    static const IpsecMb loaded = load_ipsec_mb();
    return loaded;
}

}  // namespace starling

#endif
