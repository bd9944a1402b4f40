#include "transport/crypto/sodium_ed25519.hpp"

#include <algorithm>

#include <dlfcn.h>

namespace starling {
namespace {

template <std::size_t size>
constexpr std::array<std::byte, size> octets(const unsigned char (&values)[size]) {
    std::array<std::byte, size> bytes{};
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = std::byte{values[i]};
    }
    return bytes;
}

// RFC 8032, 7.1, test 2: the text is the byte 0x72.
constexpr Ed25519Secret known_secret =
    octets({0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec,
            0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c,
            0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb, 0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89,
            0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf,
            0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c});
constexpr Signature known_signature{
    octets({0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f,
            0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76,
            0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99,
            0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae,
            0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00})};

}  // namespace

const SodiumEd25519* SodiumEd25519::find() {
    static const SodiumEd25519* const loaded = load();
    return loaded;
}

const SodiumEd25519* SodiumEd25519::load() {
    void* const library = ::dlopen("libsodium.so.23", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return nullptr;
    }
    const auto init = reinterpret_cast<int (*)()>(::dlsym(library, "sodium_init"));
    const auto signs =
        reinterpret_cast<SignFunction>(::dlsym(library, "crypto_sign_ed25519_detached"));
    const auto verifies =
        reinterpret_cast<VerifyFunction>(::dlsym(library, "crypto_sign_ed25519_verify_detached"));
    if (init == nullptr || signs == nullptr || verifies == nullptr || init() < 0) {
        return nullptr;
    }
    static const SodiumEd25519 found(signs, verifies);
    return found.works() ? &found : nullptr;
}

bool SodiumEd25519::works() const {
    const std::array<std::byte, 1> text{std::byte{0x72}};
    PublicKey key;
    std::copy(known_secret.end() - key.bytes.size(), known_secret.end(), key.bytes.begin());
    return sign(known_secret, text) == known_signature && accepts(key, text, known_signature);
}

Signature SodiumEd25519::sign(const Ed25519Secret& secret, ByteView text) const {
    Signature signature;
    sign_(signature.bytes.data(), nullptr, text.data(), text.size(), secret.data());
    return signature;
}

bool SodiumEd25519::accepts(const PublicKey& key, ByteView text, const Signature& signature) const {
    return verify_(signature.bytes.data(), text.data(), text.size(), key.bytes.data()) == 0;
}

}  // namespace starling
