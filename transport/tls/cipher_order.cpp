#include "transport/tls/cipher_order.hpp"

#include "transport/crypto/vector_gcm.hpp"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace starling {

bool cpu_has_aes() {
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#elif defined(__aarch64__)
    const unsigned long features = ::getauxval(AT_HWCAP);
    return (features & HWCAP_AES) != 0 && (features & HWCAP_PMULL) != 0;
#else
    return false;
#endif
}

const char* cipher_order(bool has_aes) {
    return has_aes ? "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
                   : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
}

std::string cipher_note() {
    const std::string missing = vector_gcm_missing();
    return missing.empty() ? "TLS: AES-128-GCM by the vector instructions of this CPU (libipsec-mb)"
                           : "TLS: AES-128-GCM by OpenSSL itself: " + missing;
}

}  // namespace starling
