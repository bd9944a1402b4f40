#include "deploy/certs/cert_issuer.hpp"

#include <limits>
#include <memory>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

namespace starling {
namespace {

template <auto free_function>
struct Freer {
    template <typename T>
    void operator()(T* pointer) const {
        free_function(pointer);
    }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Freer<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using AddressPtr = std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>>;

constexpr std::size_t common_name_max = 64;  // RFC 5280, ub-common-name
constexpr int serial_bits = 127;             // positive in 16 bytes

Error openssl_error(const std::string& what) {
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return {Errc::io, what + ": " + text};
}

KeyPtr make_key(KeyType type) {
    return KeyPtr(type == KeyType::ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048));
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

Result<IssuedCert> to_pem(X509* certificate, EVP_PKEY* key) {
    const BioPtr cert_bio(BIO_new(BIO_s_mem()));
    const BioPtr key_bio(BIO_new(BIO_s_mem()));
    if (!cert_bio || !key_bio || PEM_write_bio_X509(cert_bio.get(), certificate) != 1 ||
        PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return openssl_error("can't write a certificate");
    }
    return IssuedCert{text_of(cert_bio.get()), text_of(key_bio.get())};
}

BioPtr bio_over(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
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

/// Version, serial, dates, subject and key; the issuer and what it may be used for come after.
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
        return openssl_error("can't make a certificate for '" + common_name + "'");
    }
    return certificate;
}

/// The alternative names in OpenSSL's notation. Every part was checked: a comma in one would be
/// read as the beginning of the next.
Result<std::string> alternative_names(const LeafRequest& request) {
    std::string text = "DNS:" + request.name.name;
    for (const std::string& name : request.dns_names) {
        if (Result<NodeId> checked = parse_node_id(name); !checked) {
            return Error{Errc::usage, "'" + name.substr(0, node_name_max) + "' is no DNS name"};
        }
        text += ",DNS:" + name;
    }
    for (const std::string& ip : request.ips) {
        const AddressPtr checked(a2i_IPADDRESS(ip.c_str()));
        if (!checked) {
            ERR_clear_error();
            return Error{Errc::usage, "'" + ip.substr(0, node_name_max) + "' is no IP address"};
        }
        text += ",IP:" + ip;
    }
    for (const Role role : request.roles) {
        text += ",URI:urn:starling:role:" + std::string(to_string(role));
    }
    return text;
}

}  // namespace

Result<IssuedCert> make_ca(const std::string& name, Validity validity, KeyType key_type) {
    if (name.empty() || name.size() > common_name_max) {
        return Error{Errc::usage, "a CA's name has 1 to 64 bytes"};
    }
    const KeyPtr key = make_key(key_type);
    if (!key) {
        return openssl_error("can't make a key");
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
        return openssl_error("can't make the CA '" + name + "'");
    }
    return to_pem(certificate, key.get());
}

Result<IssuedCert> issue_leaf(const IssuedCert& ca, const LeafRequest& request) {
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
        return Error{Errc::malformed, "the CA is no certificate with its private key"};
    }
    const KeyPtr key = make_key(request.key_type);
    if (!key) {
        return openssl_error("can't make a key");
    }
    Result<CertPtr> begun = begin_certificate(request.name.name, request.validity, key.get());
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
        return openssl_error("can't make the certificate of '" + request.name.name + "'");
    }
    return to_pem(certificate, key.get());
}

Result<std::string> subject_hash(const std::string& cert_pem) {
    const CertPtr certificate(
        PEM_read_bio_X509(bio_over(cert_pem).get(), nullptr, nullptr, nullptr));
    if (!certificate) {
        ERR_clear_error();
        return Error{Errc::malformed, "no certificate in PEM form"};
    }
    char text[9];
    std::snprintf(text, sizeof text, "%08lx",
                  X509_subject_name_hash(certificate.get()) & 0xffffffffUL);
    return std::string(text);
}

}  // namespace starling
