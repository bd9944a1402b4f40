#pragma once

#include <memory>
#include <string>

#include "core/licence/licence.hpp"

namespace starling {

/// A pair of Ed25519 keys (RFC 8032), PEM: PKCS #8 without a passphrase, SubjectPublicKeyInfo.
struct SigningKeys {
    std::string private_pem;
    std::string public_pem;
};

/// Errc::io if OpenSSL has no random bytes.
Result<SigningKeys> make_signing_keys();

/// 64 bytes. Errc::malformed if `private_pem` is no Ed25519 key.
Result<Bytes> sign(const std::string& private_pem, ByteView message);

/// Checks signatures of one public key. Errc::malformed if `public_pem` is no Ed25519 key.
Result<std::unique_ptr<SignatureVerifier>> make_verifier(const std::string& public_pem);

}  // namespace starling
