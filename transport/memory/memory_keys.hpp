#pragma once

#include <memory>

#include "core/ledger/signature.hpp"

namespace starling {

/// Replaces Ed25519 if all nodes are in one process: keys and signatures have the same sizes, at
/// about a fiftieth of the cost, which matters with ten thousand nodes. Not secure: whoever can
/// verify can sign.
/// \param start  distinguishes this start of the node from all others.
/// \param ca  what its credentials name as the issuing CA.
std::shared_ptr<const NodeSigner> make_memory_signer(const Hasher& hasher, const NodeId& node,
                                                     std::uint64_t start,
                                                     const CaFingerprint& ca = {});
/// Verifies signatures of make_memory_signer().
std::shared_ptr<const NodeVerifier> make_memory_verifier(const Hasher& hasher);

}  // namespace starling
