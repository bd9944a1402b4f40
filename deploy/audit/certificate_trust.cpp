#include "deploy/audit/certificate_trust.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace starling {

namespace fs = std::filesystem;

Result<CertificateTrust> CertificateTrust::load(const fs::path& directory) {
    CertificateTrust trust;
    trust.store_ = {X509_STORE_new(), &X509_STORE_free};
    int count = 0;
    std::error_code failed;
    for (fs::directory_iterator at(directory, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (at->path().extension() != ".pem") {
            continue;
        }
        const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(at->path().c_str(), "r"),
                                                             &BIO_free);
        while (file) {
            const std::unique_ptr<X509, decltype(&X509_free)> certificate(
                PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), &X509_free);
            if (!certificate) {
                break;
            }
            count += X509_STORE_add_cert(trust.store_.get(), certificate.get());
        }
        ERR_clear_error();
    }
    if (failed || count == 0) {
        return Error{Errc::io, "--capath " + directory.string() + ": " +
                                   (failed ? failed.message() : "holds no certificate (*.pem)")};
    }
    return trust;
}

Result<void> CertificateTrust::check(ByteView certificate) const {
    const auto* at = reinterpret_cast<const unsigned char*>(certificate.data());
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(
        d2i_X509(nullptr, &at, static_cast<long>(certificate.size())), &X509_free);
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(
        X509_STORE_CTX_new(), &X509_STORE_CTX_free);
    std::string why = "what it shows as its certificate is none";
    if (leaf && context &&
        X509_STORE_CTX_init(context.get(), store_.get(), leaf.get(), nullptr) == 1) {
        X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME);
        if (X509_verify_cert(context.get()) == 1) {
            return {};
        }
        why = "no CA of --capath vouches for its certificate (" +
              std::string(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))) +
              ")";
    }
    ERR_clear_error();
    return Error{Errc::refused, why};
}

}  // namespace starling
