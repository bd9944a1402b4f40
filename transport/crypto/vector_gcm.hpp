#pragma once

#include <cstdint>

namespace starling {

/// AES-128-GCM by libipsec-mb, as an OpenSSL provider inside this process: with the vector
/// instructions of newer x86 CPUs (VAES, VPCLMULQDQ, AVX-512), which OpenSSL 3.0 does not use, or
/// with AVX, where it is a quarter faster than OpenSSL 3.0.
/// Fetches without the returned properties, those of other code in the process, get OpenSSL's own
/// implementation as before. Thread-safe.
/// \return  properties for SSL_CTX_new_ex() or EVP_CIPHER_fetch() that prefer it; nullptr: the CPU
///     or the library is not there, and OpenSSL's own implementation is to be used.
const char* vector_gcm_properties();
/// Why vector_gcm_properties() returns nullptr; "" if it does not.
const char* vector_gcm_missing();
/// How often this process has given it a key; a TLS connection that uses it does so for each
/// direction.
std::uint64_t vector_gcm_keys();

}  // namespace starling
