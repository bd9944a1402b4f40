#pragma once

namespace starling {

/// Whether this CPU has instructions for AES and for GCM's multiplication.
bool cpu_has_aes();

/// Cipher suites of TLS 1.3 in OpenSSL's syntax, the preferred one first. Without AES instructions
/// that is ChaCha20: AES is slow then, and its timing depends on the key.
const char* cipher_order(bool has_aes);

}  // namespace starling
