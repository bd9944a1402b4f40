// A keyed hash in place of a signature: tag = H(key, text), where key = H(name, start).
// Endorsements are always valid, since there are no certificates.
#include "transport/memory/memory_keys.hpp"

#include <algorithm>

namespace starling {
namespace {

Signature tag(const Hasher& hasher, const PublicKey& key, ByteView text) {
    const std::array<ByteView, 2> parts{ByteView(key.bytes), text};
    const Digest digest = hasher.digest(std::span<const ByteView>(parts));
    Signature signature;
    std::ranges::copy(digest.bytes, signature.bytes.begin());
    return signature;
}

class MemorySigner final : public NodeSigner {
public:
    MemorySigner(const Hasher& hasher, const NodeId& node, std::uint64_t start,
                 const CaFingerprint& ca)
        : hasher_(hasher) {
        credentials_.ca = ca;
        Writer writer;
        writer.string(node.name);
        writer.u64(start);
        credentials_.key.bytes = hasher.digest(writer.bytes()).bytes;
    }
    const Credentials& credentials() const override { return credentials_; }
    Signature sign(ByteView text) const override { return tag(hasher_, credentials_.key, text); }

private:
    const Hasher& hasher_;
    Credentials credentials_;
};

class MemoryVerifier final : public NodeVerifier {
public:
    explicit MemoryVerifier(const Hasher& hasher) : hasher_(hasher) {}
    bool verify(const PublicKey& key, ByteView text, const Signature& signature) const override {
        return tag(hasher_, key, text) == signature;
    }
    Result<void> endorsed(const NodeId& /*node*/, Role /*role*/,
                          const Credentials& /*credentials*/) const override {
        return {};
    }

private:
    const Hasher& hasher_;
};

}  // namespace

std::shared_ptr<const NodeSigner> make_memory_signer(const Hasher& hasher, const NodeId& node,
                                                     std::uint64_t start, const CaFingerprint& ca) {
    return std::make_shared<MemorySigner>(hasher, node, start, ca);
}

std::shared_ptr<const NodeVerifier> make_memory_verifier(const Hasher& hasher) {
    return std::make_shared<MemoryVerifier>(hasher);
}

}  // namespace starling
