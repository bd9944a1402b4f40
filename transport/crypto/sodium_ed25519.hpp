#pragma once

#include <array>

#include "core/base/bytes.hpp"
#include "core/ledger/signature.hpp"

namespace starling {

/// A private key of Ed25519 as RFC 8032 has it, and the public key behind it.
using Ed25519Secret = std::array<std::byte, 64>;

/// Ed25519 by libsodium, in half the time of OpenSSL 3.0. Loaded at run time, so that programs run
/// without it.
class SodiumEd25519 {
public:
    /// Loads it on the first call; nullptr: it is not installed. Thread-safe.
    static const SodiumEd25519* find();

    /// The only signature that there is of this text by this key.
    Signature sign(const Ed25519Secret& secret, ByteView text) const;
    /// True: OpenSSL would accept it, too. False says nothing: libsodium refuses some keys that
    /// OpenSSL accepts.
    bool accepts(const PublicKey& key, ByteView text, const Signature& signature) const;

private:
    using Size = unsigned long long;
    using SignFunction = int (*)(std::byte*, Size*, const std::byte*, Size, const std::byte*);
    using VerifyFunction = int (*)(const std::byte*, const std::byte*, Size, const std::byte*);

    SodiumEd25519(SignFunction signs, VerifyFunction verifies) : sign_(signs), verify_(verifies) {}
    static const SodiumEd25519* load();
    bool works() const;

    SignFunction sign_;
    VerifyFunction verify_;
};

}  // namespace starling
