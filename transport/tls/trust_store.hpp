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

/// CAs that may stand between a node's certificate and a root.
constexpr int chain_depth_max = 4;

/// The CAs that are trusted and the lists of what they have revoked: by it connections judge a
/// peer's certificate, and an audit those on the ledger.
class TrustStore {
public:
    /// All certificates and revocation lists in the *.pem files of `ca_path`, in `ca_file`, or
    /// both. Errc::refused names the flag and the file that can't be used.
    static Result<TrustStore> load(const std::string& ca_path, const std::string& ca_file);

    x509_store_st* handle() const { return store_.get(); }
    /// What an operator should see to: a list out of date, an intermediate without its root.
    const std::vector<std::string>& warnings() const { return warnings_; }
    /// New since the last call: each CA that made a certificate which was looked at and that has no
    /// revocation list here, once; of the first 64 such CAs.
    std::vector<std::string> take_notes() const;
    /// Whether the CA that made `certificate` is trusted, by name.
    bool knows_issuer_of(const x509_st& certificate) const;

    enum class Revocation { looked_at, left_aside };
    /// Why a certificate is not accepted; verify_text() says it in words.
    struct Verdict {
        long code = 0;   ///< X509_V_ERR_...; 0: it is
        std::string ca;  ///< the CA at fault; empty: the certificate itself
    };
    /// Whether one of these CAs stands behind a certificate; dates are left aside.
    /// \param others  certificates that may lead from it to a CA; may be null.
    Verdict check(x509_st* certificate, stack_st_X509* others, Revocation revocation) const;
    /// The same of a chain, the certificate itself first.
    Verdict check(const std::vector<std::shared_ptr<x509_st>>& chain, Revocation revocation) const;
    /// Whether one of these CAs stands behind a chain on the ledger (encode_chain()). Revocation is
    /// not looked at: what was signed while the certificate held stays signed. Errc::refused says
    /// why not.
    Result<void> vouches_for(ByteView chain) const;

private:
    struct Notes {
        std::set<std::string> without_list;  ///< CAs that were told of
        std::vector<std::string> fresh;
    };
    TrustStore();
    Result<void> add_file(const std::string& flag, const std::string& file);
    Result<void> add_directory(const std::string& directory);
    Result<void> check_roots(const std::string& where);
    static int judge(int accepted, x509_store_ctx_st* check);
    static int notes_index();

    std::shared_ptr<x509_store_st> store_;
    std::shared_ptr<Notes> notes_ = std::make_shared<Notes>();
    std::vector<std::string> warnings_;
    int trusted_ = 0;
    int lists_ = 0;
};

}  // namespace starling
