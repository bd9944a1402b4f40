#include "transport/crypto/ipsec_mb.hpp"

#if defined(STARLING_HAS_IPSEC_MB)
#include <cstdint>

#include <dlfcn.h>

namespace starling {
namespace {

constexpr const char* too_old = "the libipsec-mb that is installed is too old";

/// The name of the function that selects the fastest functions that this CPU has; nullptr: it has
/// none. Those for AVX2 encrypt no faster than those for AVX.
///
/// \param found  in the CPU by the library, which does not ask whether the system has switched it
/// on.
const char* init_for(std::uint64_t found) {
    const auto has = [found](std::uint64_t features) { return (found & features) == features; };
    if (has(IMB_CPUFLAGS_AVX512_T2) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("vpclmulqdq")) {
        return "init_mb_mgr_avx512";
    }
    if (has(IMB_CPUFLAGS_AVX) && __builtin_cpu_supports("avx")) {
        return "init_mb_mgr_avx";
    }
    return nullptr;
}

IpsecMb load_ipsec_mb() {
    void* const library = ::dlopen("libIPSec_MB.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return {nullptr, "libipsec-mb is not installed"};
    }
    const auto version = reinterpret_cast<unsigned (*)()>(::dlsym(library, "imb_get_version"));
    const auto allocate =
        reinterpret_cast<IMB_MGR* (*)(std::uint64_t)>(::dlsym(library, "alloc_mb_mgr"));
    // Its structure may have grown since this was compiled, not shrunk.
    if (version == nullptr || allocate == nullptr || version() < IMB_VERSION_NUM) {
        return {nullptr, too_old};
    }
    IMB_MGR* const functions = allocate(0);
    const char* const init_name = functions == nullptr ? nullptr : init_for(functions->features);
    if (init_name == nullptr) {
        return {nullptr, "this CPU or system has no AES with AVX"};
    }
    const auto init = reinterpret_cast<void (*)(IMB_MGR*)>(::dlsym(library, init_name));
    if (init == nullptr) {
        return {nullptr, too_old};
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
