// Verification of X.509 certificates (RFC 5280) by OpenSSL, with this node's CAs and revocation
// lists. Two of OpenSSL's verdicts are overruled: a missing list and an outdated one
// (verify_callback()).
#include "transport/tls/trust_store.hpp"

#include <algorithm>
#include <filesystem>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "transport/tls/pem_blocks.hpp"
#include "transport/tls/tls_errors.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

/// Bound on noted CAs: a trusted CA can issue any number of intermediate CAs, each with a name to
/// remember and a line to log.
constexpr std::size_t notes_max = 64;

const X509* find_ca(const STACK_OF(X509_OBJECT) & objects, const X509_NAME* name) {
    for (int i = 0; i < sk_X509_OBJECT_num(&objects); ++i) {
        const X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(&objects, i));
        if (ca != nullptr && X509_NAME_cmp(X509_get_subject_name(ca), name) == 0) {
            return ca;
        }
    }
    return nullptr;
}

}  // namespace

/// Index of the notes in OpenSSL's extra data of a store. The store owns them, since connections
/// keep a store after it was replaced.
int TrustStore::notes_index() {
    using Held = std::shared_ptr<Notes>;
    static const int index =
        CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, nullptr, nullptr, nullptr,
                                [](void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
                                    delete static_cast<Held*>(held);
                                });
    return index;
}

TrustStore::TrustStore() : store_(X509_STORE_new(), &X509_STORE_free) {
    STARLING_INVARIANT(store_ && X509_STORE_set_ex_data(store_.get(), notes_index(),
                                                        new std::shared_ptr<Notes>(notes_)) == 1,
                       "a store's memory can be had");
    // Of the whole chain: a CA can revoke an intermediate CA, too.
    X509_STORE_set_flags(store_.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_set_verify_cb(store_.get(), verify_callback);
}

/// OpenSSL's verify callback. A CA without a revocation list has revoked nothing. An outdated list
/// still counts: a swarm must not stop because an operator is late with the next one.
int TrustStore::verify_callback(int accepted, X509_STORE_CTX* check) {
    if (accepted == 1) {
        return 1;
    }
    const int error = X509_STORE_CTX_get_error(check);
    X509* certificate = X509_STORE_CTX_get_current_cert(check);
    if (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED) {
        X509_STORE* store = X509_STORE_CTX_get0_store(check);
        const auto& notes =
            *static_cast<std::shared_ptr<Notes>*>(X509_STORE_get_ex_data(store, notes_index()));
        const std::string ca = name_text(*X509_get_issuer_name(certificate));
        if (error == X509_V_ERR_UNABLE_TO_GET_CRL && notes->without_list.size() < notes_max &&
            notes->without_list.insert(ca).second) {
            notes->fresh.push_back(
                "the CA '" + ca +
                "' has no revocation list here: nothing that it made counts as revoked");
        }
        X509_STORE_CTX_set_error(check, X509_V_OK);
        return 1;
    }
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* blamed = ssl == nullptr ? nullptr : static_cast<std::string*>(SSL_get_app_data(ssl));
    if (blamed != nullptr && certificate != nullptr && X509_STORE_CTX_get_error_depth(check) > 0) {
        *blamed = name_text(*X509_get_subject_name(certificate));
    }
    return 0;
}

Result<void> TrustStore::add_file(const std::string& flag, const std::string& file) {
    Result<PemBlocks> blocks = read_pem_file(flag, file);
    if (!blocks) {
        return blocks.error();
    }
    for (const auto& certificate : blocks->certificates) {
        X509_STORE_add_cert(store_.get(), certificate.get());
        ++trusted_;
    }
    for (const auto& list : blocks->lists) {
        X509_STORE_add_crl(store_.get(), list.get());
        ++lists_;
        const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list.get());
        if (next != nullptr && X509_cmp_current_time(next) < 0) {
            warnings_.push_back("the revocation list " + file + " is out of date since " +
                                date_text(next) +
                                "; it is still used: renew it where its CA is (gen-cert --crl)");
        }
    }
    ERR_clear_error();
    if (blocks->certificates.empty() && blocks->lists.empty()) {
        return file_error(flag, file, "holds no certificate and no revocation list in PEM form");
    }
    return {};
}

Result<void> TrustStore::add_directory(const std::string& flag, const std::string& directory) {
    std::error_code failed;
    std::vector<std::string> files;
    for (fs::directory_iterator at(directory, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (at->path().extension() == ".pem") {
            files.push_back(at->path().string());
        }
    }
    if (failed) {
        return file_error(flag, directory, "can't be read: " + failed.message());
    }
    if (files.empty()) {
        return file_error(flag, directory,
                          "holds no *.pem file: put the CA certificate of every host there");
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
        if (Result<void> added = add_file(flag, file); !added) {
            return added;
        }
    }
    return {};
}

/// An intermediate CA is trusted only with its root, which must be present, too.
Result<void> TrustStore::check_roots(const std::string& where) {
    const STACK_OF(X509_OBJECT)& objects = *X509_STORE_get0_objects(store_.get());
    int roots = 0;
    std::string missing;
    for (int i = 0; i < sk_X509_OBJECT_num(&objects); ++i) {
        X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(&objects, i));
        if (ca == nullptr) {
            continue;
        }
        if ((X509_get_extension_flags(ca) & EXFLAG_SS) != 0) {
            ++roots;
        } else if (find_ca(objects, X509_get_issuer_name(ca)) == nullptr) {
            missing = where + " holds the intermediate CA '" +
                      name_text(*X509_get_subject_name(ca)) + "' without '" +
                      name_text(*X509_get_issuer_name(ca)) +
                      "', which made it: put that certificate there too, or no node with a "
                      "certificate of either is accepted";
            warnings_.push_back(missing);
        }
    }
    if (roots == 0 && !missing.empty()) {
        return Error{Errc::refused, missing};
    }
    return {};
}

Result<TrustStore> TrustStore::load(const std::string& ca_path, const std::string& ca_file,
                                    const CaFlags& flags) {
    if (ca_path.empty() && ca_file.empty()) {
        return Error{
            Errc::refused,
            "--capath or --cacert is missing: without CA certificates no peer can prove who it is"};
    }
    TrustStore trust;
    if (!ca_path.empty()) {
        if (Result<void> added = trust.add_directory(flags.path, ca_path); !added) {
            return added.error();
        }
    }
    if (!ca_file.empty()) {
        if (Result<void> added = trust.add_file(flags.file, ca_file); !added) {
            return added.error();
        }
    }
    const std::string where =
        ca_path.empty() ? flags.file + " " + ca_file : flags.path + " " + ca_path;
    if (trust.trusted_ == 0) {
        return Error{Errc::refused, where + ": holds revocation lists only, and no CA certificate"};
    }
    if (Result<void> rooted = trust.check_roots(where); !rooted) {
        return rooted.error();
    }
    if (trust.lists_ == 0) {
        // No lists at all: one note instead of one per CA.
        X509_VERIFY_PARAM_clear_flags(X509_STORE_get0_param(trust.store_.get()),
                                      X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        trust.notes_->fresh.push_back(
            where + " holds no revocation list: no certificate counts as revoked");
    }
    return trust;
}

std::vector<std::string> TrustStore::take_notes() const { return std::exchange(notes_->fresh, {}); }

bool TrustStore::knows_issuer_of(const X509& certificate) const {
    return find_ca(*X509_STORE_get0_objects(store_.get()), X509_get_issuer_name(&certificate)) !=
           nullptr;
}

TrustStore::Verdict TrustStore::check(X509* certificate, STACK_OF(X509) * others,
                                      Revocation revocation) const {
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> check(
        X509_STORE_CTX_new(), &X509_STORE_CTX_free);
    if (!check || X509_STORE_CTX_init(check.get(), store_.get(), certificate, others) != 1) {
        ERR_clear_error();
        return {X509_V_ERR_UNSPECIFIED, ""};
    }
    X509_VERIFY_PARAM* how = X509_STORE_CTX_get0_param(check.get());
    X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_NO_CHECK_TIME);
    X509_VERIFY_PARAM_set_depth(how, chain_depth_max);
    if (revocation == Revocation::ignored) {
        X509_VERIFY_PARAM_clear_flags(how, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    Verdict verdict;
    if (X509_verify_cert(check.get()) != 1) {
        verdict.code = X509_STORE_CTX_get_error(check.get());
        const X509* at = X509_STORE_CTX_get_current_cert(check.get());
        if (at != nullptr && X509_STORE_CTX_get_error_depth(check.get()) > 0) {
            verdict.ca = name_text(*X509_get_subject_name(at));
        }
    }
    ERR_clear_error();
    return verdict;
}

TrustStore::Verdict TrustStore::check(const std::vector<std::shared_ptr<X509>>& chain,
                                      Revocation revocation) const {
    const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> others(
        sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_free(stack); });
    for (std::size_t i = 1; i < chain.size(); ++i) {
        sk_X509_push(others.get(), chain[i].get());
    }
    return check(chain.front().get(), others.get(), revocation);
}

Result<void> TrustStore::verify_recorded(ByteView chain) const {
    const Result<std::vector<std::shared_ptr<X509>>> certificates = decode_chain(chain);
    if (!certificates) {
        return certificates.error();
    }
    const Verdict verdict = check(*certificates, Revocation::ignored);
    if (verdict.code == 0) {
        return {};
    }
    return Error{Errc::refused, "no trusted CA stands behind its certificate " +
                                    verify_text(verdict.code, verdict.ca)};
}

}  // namespace starling
