#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

struct x509_st;
struct X509_crl_st;
struct evp_pkey_st;

namespace starling {

/// Contents of a PEM file except keys.
struct PemBlocks {
    std::vector<std::shared_ptr<x509_st>> certificates;
    std::vector<std::shared_ptr<X509_crl_st>> lists;  ///< of revoked certificates
};

/// All certificates and revocation lists of a file, in its order. Errc::refused, with `flag` and
/// file first: it can't be read, or a block (which the message names) is cut or damaged.
Result<PemBlocks> read_pem_file(const std::string& flag, const std::string& file);

/// Errc::refused names flag and file; a key with a passphrase counts as unreadable.
Result<std::shared_ptr<evp_pkey_st>> read_private_key(const std::string& flag,
                                                      const std::string& file);

/// A node's certificate and the intermediate CAs that lead to its CA, as recorded in the ledger:
/// DER, concatenated, the node's own first.
Bytes encode_chain(const std::vector<std::shared_ptr<x509_st>>& certificates);
/// Errc::refused: the bytes are no such chain, or a longer one than chain_depth_max allows.
Result<std::vector<std::shared_ptr<x509_st>>> decode_chain(ByteView bytes);

/// Why a node can't use a key, and what to do: TLS 1.3 has no signature scheme for it, or it is too
/// weak. Empty: it can.
std::string key_fault(const evp_pkey_st& key);

}  // namespace starling
