#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/coding.hpp"
#include "core/base/hasher.hpp"
#include "core/base/ids.hpp"
#include "core/base/lazy_container.hpp"
#include "core/base/result.hpp"

namespace starling {

/// An Ed25519 signature (RFC 8032).
struct Signature {
    std::array<std::byte, 64> bytes{};

    friend bool operator==(const Signature&, const Signature&) = default;
};
/// An Ed25519 public key.
struct PublicKey {
    std::array<std::byte, 32> bytes{};

    friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

/// Names a CA: SHA-256 over its subject and its public key. So a CA may renew its certificate.
/// Zeros: none, of a node without a certificate, as in a simulation.
using CaFingerprint = Digest;

/// The key of a start of a node. It is generated at each start and never stored; the holder of the
/// node's certificate endorses it. So certificates can be renewed during a training, and the key
/// can't be copied from a file.
struct Credentials {
    PublicKey key;
    CaFingerprint ca;  ///< of who made the certificate
    // Empty in a simulation.
    LazyContainer<Bytes> certificate;  ///< X.509, DER, behind it its intermediate CAs
    LazyContainer<Bytes> issuer;       ///< X.509, DER: the certificate of `ca`
    LazyContainer<Bytes> endorsement;  ///< of endorsement_text(), by the key of the certificate

    friend bool operator==(const Credentials&, const Credentials&) = default;
};

constexpr std::size_t certificate_bytes_max = std::size_t{16} * 1024;
constexpr std::size_t endorsement_bytes_max = 1024;

/// Port: signs commands and reports of a node.
class NodeSigner {
public:
    virtual ~NodeSigner() = default;
    virtual const Credentials& credentials() const = 0;
    virtual Signature sign(ByteView text) const = 0;
};

/// Port: verifies signatures and endorsements.
class NodeVerifier {
public:
    virtual ~NodeVerifier() = default;
    virtual bool verify(const PublicKey& key, ByteView text, const Signature& signature) const = 0;
    /// The holder of the certificate, which is made out to `node` in `role` by the CA of that
    /// fingerprint, vouches for the key. Errc::refused says why not. Whether that CA is trusted is
    /// not looked at: that is the connection's business (and an auditor's).
    virtual Result<void> endorsed(const NodeId& node, Role role,
                                  const Credentials& credentials) const = 0;
};

/// What the holder of the certificate signs to vouch for a key.
Bytes endorsement_text(const NodeId& node, Role role, const PublicKey& key);

/// What a tool signs to have an SN removed. \param number  of the server, which a later SN of this
/// name does not have: the text can't be used against that one.
Bytes removal_text(const NodeId& tool, const NodeId& server, std::uint64_t number);

void encode(Writer& writer, const Signature& signature);
Signature decode_signature(Reader& reader);
void encode(Writer& writer, const Credentials& credentials);
Credentials decode_credentials(Reader& reader);

}  // namespace starling
