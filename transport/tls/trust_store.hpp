#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "transport/tls/certificate.hpp"

struct x509_store_st;
struct x509_store_ctx_st;
struct stack_st_X509;

namespace starling {

/// Bound on intermediate CAs between a node's certificate and a root.
constexpr int chain_depth_max = 4;

/// The flags that errors name.
struct CaFlags {
    std::string path = "--capath";
    std::string file = "--cacert";
};

/// The trusted CAs and their revocation lists. Connections verify the certificates of peers with
/// it, and an audit those in the ledger.
class TrustStore {
public:
    /// All certificates and revocation lists in the *.pem files of `ca_path`, in `ca_file`, or
    /// both. Errc::refused names the flag and the file that can't be used.
    static Result<TrustStore> load(const std::string& ca_path, const std::string& ca_file,
                                   const CaFlags& flags = {});

    x509_store_st* handle() const { return store_.get(); }
    /// For the operator: an outdated list, an intermediate CA without its root.
    const std::vector<std::string>& warnings() const { return warnings_; }
    /// Log lines since the last call: one for each CA that issued a verified certificate and has no
    /// revocation list here; for 64 CAs at most.
    std::vector<std::string> take_notes() const;
    /// Whether a trusted CA has the name of the issuer of `certificate`.
    bool knows_issuer_of(const x509_st& certificate) const;

    enum class Revocation { checked, ignored };
    /// Why a certificate is not accepted; see verify_text().
    struct Verdict {
        long code = 0;   ///< X509_V_ERR_...; 0: it is accepted
        std::string ca;  ///< the CA at fault; empty: the certificate itself
    };
    /// Verifies a certificate with these CAs, except its dates.
    /// \param others  certificates that may lead from it to a CA; may be null.
    Verdict check(x509_st* certificate, stack_st_X509* others, Revocation revocation) const;
    /// The same of a chain, the certificate itself first.
    Verdict check(const std::vector<std::shared_ptr<x509_st>>& chain, Revocation revocation) const;
    /// Verifies a chain in the ledger (encode_chain()) with these CAs. Revocation is ignored: what
    /// was signed before it remains valid. Errc::refused says why not.
    Result<void> verify_recorded(ByteView chain) const;

private:
    struct Notes {
        std::set<std::string> without_list;  ///< CAs that have been noted
        std::vector<std::string> fresh;
    };
    TrustStore();
    Result<void> add_file(const std::string& flag, const std::string& file);
    Result<void> add_directory(const std::string& flag, const std::string& directory);
    Result<void> check_roots(const std::string& where);
    static int verify_callback(int accepted, x509_store_ctx_st* check);
    static int notes_index();

    std::shared_ptr<x509_store_st> store_;
    std::shared_ptr<Notes> notes_ = std::make_shared<Notes>();
    std::vector<std::string> warnings_;
    int trusted_ = 0;
    int lists_ = 0;
};

}  // namespace starling
