#pragma once

#include <memory>

#include "core/ledger/signature.hpp"

namespace starling {

/// Stands in for Ed25519 where all nodes live in one process: keys and signatures have the same
/// sizes and cost some fifty times less, which counts with ten thousand nodes. No signature:
/// whoever can verify could sign. \param start  tells this start of the node from all others.
/// \param ca  who would have made its certificate.
std::shared_ptr<const NodeSigner> make_memory_signer(const Hasher& hasher, const NodeId& node,
                                                     std::uint64_t start,
                                                     const CaFingerprint& ca = {});
/// Checks signatures of make_memory_signer().
std::shared_ptr<const NodeVerifier> make_memory_verifier(const Hasher& hasher);

}  // namespace starling
