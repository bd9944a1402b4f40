// SHA-256 over the concatenation of all parts. A phantom part (modelled training) is hashed as its
// size, so that simulated digests still depend on the layout.
#include "transport/crypto/openssl_hasher.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <openssl/evp.h>

#include "core/base/invariant.hpp"
#include "transport/crypto/sha256_lanes.hpp"

namespace starling {
namespace {

/// An incremental SHA-256. OpenSSL fails here only if it is out of memory or lacks SHA-256.
class Sha256 {
public:
    Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        STARLING_INVARIANT(context_ && EVP_DigestInit_ex(context_.get(), algorithm(), nullptr) == 1,
                           "OpenSSL offers SHA-256");
    }

    void update(ByteView bytes) {
        STARLING_INVARIANT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1,
                           "adding bytes to a digest can't fail");
    }

    Digest finish() {
        Digest digest;
        STARLING_INVARIANT(
            EVP_DigestFinal_ex(context_.get(),
                               reinterpret_cast<unsigned char*>(digest.bytes.data()), nullptr) == 1,
            "finishing a digest can't fail");
        return digest;
    }

private:
    // Fetched once: the search for an implementation costs more than hashing a small message.
    static const EVP_MD* algorithm() {
        static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
        return sha256;
    }

    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

class OpensslHasher final : public Hasher {
public:
    Digest digest(std::span<const Blob> parts) const override {
        Sha256 sha;
        for (const Blob& part : parts) {
            if (part.is_phantom()) {
                std::array<std::byte, 8> size{};
                for (std::size_t i = 0; i < size.size(); ++i) {
                    size[i] = static_cast<std::byte>(std::uint64_t{part.size()} >> (8 * i));
                }
                sha.update(size);
            } else {
                sha.update(part.view());
            }
        }
        return sha.finish();
    }

    Digest digest(std::span<const ByteView> parts) const override {
        Sha256 sha;
        for (const ByteView part : parts) {
            sha.update(part);
        }
        return sha.finish();
    }

    std::vector<Digest> digest_blocks(ByteView bytes, std::size_t block_bytes) const override {
        if (sha256_lanes().empty() || !fits_sha256_lanes(block_bytes)) {
            return Hasher::digest_blocks(bytes, block_bytes);
        }
        const Sha256Lanes& lanes = sha256_lanes().front();
        std::size_t left = bytes.size() / block_bytes;
        std::vector<Digest> digests;
        digests.reserve(left + 1);
        std::array<const std::byte*, Sha256Lanes::max_count> messages{};
        std::array<Digest, Sha256Lanes::max_count> hashed;
        while (left >= lanes.worth_using) {
            const std::size_t count = std::min(left, lanes.count);
            for (std::size_t i = 0; i < lanes.count; ++i) {
                // Lanes that are left over hash the last block again.
                const std::size_t block = digests.size() + std::min(i, count - 1);
                messages[i] = bytes.data() + block * block_bytes;
            }
            lanes.hash(messages.data(), block_bytes, hashed.data());
            digests.insert(digests.end(), hashed.begin(),
                           hashed.begin() + static_cast<std::ptrdiff_t>(count));
            left -= count;
        }
        const std::vector<Digest> rest =
            Hasher::digest_blocks(bytes.subspan(digests.size() * block_bytes), block_bytes);
        digests.insert(digests.end(), rest.begin(), rest.end());
        return digests;
    }
};

}  // namespace

const Hasher& openssl_hasher() {
    static const OpensslHasher hasher;
    return hasher;
}

}  // namespace starling
