// X.509 certificates (RFC 5280) as Starling's nodes check them: a CA that can only issue leaves
// (pathlen 0), and leaves for both ends of a connection. Serial numbers are random, so that no
// state is needed to keep them unique.
#include "deploy/certs/cert_issuer.hpp"

#include <limits>
#include <memory>

#include "deploy/certs/detail/openssl_types.hpp"

namespace starling {
namespace {

constexpr std::size_t common_name_max = 64;  // RFC 5280, ub-common-name
constexpr int serial_bits = 127;             // random; positive in 16 bytes

Result<std::string> cert_pem_of(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) {
        return openssl_error("can't write a certificate");
    }
    return text_of(bio.get());
}

bool set_serial(X509* certificate) {
    const NumberPtr number(BN_new());
    return number && BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509_NAME* name, const std::string& common_name) {
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Sets version, serial, dates, subject and key; callers add the issuer and the usage.
Result<CertPtr> begin_certificate(const std::string& common_name, const Validity& validity,
                                  EVP_PKEY* key) {
    if (validity.not_after <= validity.not_before) {
        return Error{Errc::usage, "a certificate must end after it begins"};
    }
    CertPtr certificate(X509_new());
    if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
        !set_serial(certificate.get()) ||
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), validity.not_before.count()) ==
            nullptr ||
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity.not_after.count()) ==
            nullptr ||
        !set_name(X509_get_subject_name(certificate.get()), common_name) ||
        X509_set_pubkey(certificate.get(), key) != 1) {
        return openssl_error("can't create a certificate for '" + common_name + "'");
    }
    return certificate;
}

}  // namespace

Result<IssuedCert> make_ca(const std::string& name, Validity validity, KeyType key_type) {
    if (name.empty() || name.size() > common_name_max) {
        return Error{Errc::usage, "a CA's name has 1 to 64 bytes"};
    }
    const KeyPtr key = make_key(key_type);
    if (!key) {
        return openssl_error("can't create a key");
    }
    Result<CertPtr> begun = begin_certificate(name, validity, key.get());
    if (!begun) {
        return begun.error();
    }
    X509* certificate = begun->get();
    if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
        !add_extension(certificate, certificate, NID_basic_constraints,
                       "critical,CA:TRUE,pathlen:0") ||
        !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(certificate, certificate, NID_subject_key_identifier, "hash") ||
        !add_extension(certificate, certificate, NID_authority_key_identifier, "keyid:always") ||
        X509_sign(certificate, key.get(), EVP_sha256()) == 0) {
        return openssl_error("can't create the CA '" + name + "'");
    }
    Result<std::string> cert = cert_pem_of(certificate);
    Result<std::string> secret = key_pem_of(key.get());
    if (!cert || !secret) {
        return cert ? secret.error() : cert.error();
    }
    return IssuedCert{std::move(*cert), std::move(*secret)};
}

Result<std::string> issue_for_key(const IssuedCert& ca, const LeafRequest& request, EVP_PKEY* key) {
    if (Result<NodeId> name = parse_node_id(request.name.name); !name) {
        return Error{Errc::usage, name.error().message};
    }
    if (request.roles.empty()) {
        return Error{Errc::usage, "a certificate needs at least one role"};
    }
    Result<std::string> names = alternative_names(request);
    if (!names) {
        return names.error();
    }
    const CertPtr issuer(PEM_read_bio_X509(bio_over(ca.cert_pem).get(), nullptr, nullptr, nullptr));
    const KeyPtr issuer_key(
        PEM_read_bio_PrivateKey(bio_over(ca.key_pem).get(), nullptr, nullptr, nullptr));
    if (!issuer || !issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
        ERR_clear_error();
        return Error{Errc::malformed, "the CA is not a certificate with its private key"};
    }
    Result<CertPtr> begun = begin_certificate(request.name.name, request.validity, key);
    if (!begun) {
        return begun.error();
    }
    X509* certificate = begun->get();
    if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get())) != 1 ||
        !add_extension(certificate, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
        !add_extension(certificate, issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth") ||
        !add_extension(certificate, issuer.get(), NID_subject_key_identifier, "hash") ||
        !add_extension(certificate, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
        !add_extension(certificate, issuer.get(), NID_subject_alt_name, *names) ||
        X509_sign(certificate, issuer_key.get(), EVP_sha256()) == 0) {
        return openssl_error("can't create the certificate of '" + request.name.name + "'");
    }
    return cert_pem_of(certificate);
}

Result<IssuedCert> issue_leaf(const IssuedCert& ca, const LeafRequest& request) {
    const KeyPtr key = make_key(request.key_type);
    if (!key) {
        return openssl_error("can't create a key");
    }
    Result<std::string> cert = issue_for_key(ca, request, key.get());
    Result<std::string> secret = key_pem_of(key.get());
    if (!cert || !secret) {
        return cert ? secret.error() : cert.error();
    }
    return IssuedCert{std::move(*cert), std::move(*secret)};
}

Result<std::string> subject_hash(const std::string& cert_pem) {
    const CertPtr certificate(
        PEM_read_bio_X509(bio_over(cert_pem).get(), nullptr, nullptr, nullptr));
    if (!certificate) {
        ERR_clear_error();
        return Error{Errc::malformed, "no certificate in PEM format"};
    }
    char text[9];
    std::snprintf(text, sizeof text, "%08lx",
                  X509_subject_name_hash(certificate.get()) & 0xffffffffUL);
    return std::string(text);
}

}  // namespace starling
