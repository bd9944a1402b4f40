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

/// What stands in a PEM file besides keys.
struct PemBlocks {
    std::vector<std::shared_ptr<x509_st>> certificates;
    std::vector<std::shared_ptr<X509_crl_st>> lists;  ///< of revoked certificates
};

/// All certificates and revocation lists of a file, in its order. Errc::refused begins with `flag`
/// and the file: it can't be read, or one of its blocks is cut or damaged, and which.
Result<PemBlocks> read_pem_file(const std::string& flag, const std::string& file);

/// Errc::refused names flag and file; a key with a passphrase counts as unreadable.
Result<std::shared_ptr<evp_pkey_st>> read_private_key(const std::string& flag,
                                                      const std::string& file);

/// A node's certificate and the intermediate CAs that lead to its CA, as the ledger keeps them:
/// DER, one behind the other, the node's own first.
Bytes encode_chain(const std::vector<std::shared_ptr<x509_st>>& certificates);
/// Errc::refused: bytes that are no such chain, or a longer one than any node shows.
Result<std::vector<std::shared_ptr<x509_st>>> decode_chain(ByteView bytes);

/// Why a key can't be that of a node: TLS 1.3 has no signature for it, or it is too weak; what
/// helps stands behind it. Empty: it can.
std::string key_fault(const evp_pkey_st& key);

}  // namespace starling
