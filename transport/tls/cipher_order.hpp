#pragma once

#include <string>

namespace starling {

/// Whether this CPU has instructions for AES and for GCM's multiplication.
bool cpu_has_aes();

/// Cipher suites of TLS 1.3 in OpenSSL's syntax, the preferred one first. Without AES instructions
/// that is ChaCha20: AES is slow then, and its timing depends on the key.
const char* cipher_order(bool has_aes);

/// A line for the log: what computes AES-128-GCM, and why it is not what computes it fastest.
std::string cipher_note();

}  // namespace starling
