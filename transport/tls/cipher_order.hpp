#pragma once

namespace starling {

/// Whether this CPU has instructions for AES and for GCM's multiplication.
bool cpu_has_aes();

/// Cipher suites of TLS 1.3, the preferred one first, as OpenSSL reads them. Without instructions
/// AES is slow, and its time depends on the key: ChaCha20 comes first there.
const char* cipher_order(bool has_aes);

}  // namespace starling
