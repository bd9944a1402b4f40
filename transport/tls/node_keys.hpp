#pragma once

#include <memory>

#include "core/ledger/signature.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling {

/// A new Ed25519 key for this start of a node, endorsed with the key of its certificate. The
/// credentials contain that certificate and its intermediate CAs (encode_chain()). Errc::refused
/// names the flag and the file that can't be used; Errc::io: OpenSSL can't make a key.
Result<std::shared_ptr<const NodeSigner>> make_node_signer(const IdentityFiles& files,
                                                           const NodeId& node, Role role);

/// Verifies signatures of make_node_signer(), of any node. Thread-safe.
std::shared_ptr<const NodeVerifier> make_node_verifier();

}  // namespace starling
