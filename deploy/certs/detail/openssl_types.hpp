#pragma once

#include <memory>
#include <string>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "deploy/certs/cert_issuer.hpp"

namespace starling {

// Shared by the sources of this folder; apart from them only tests include it.

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
using CrlPtr = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freer<X509_REQ_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, Freer<ASN1_INTEGER_free>>;
using AddressPtr = std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>>;

/// "WHAT: OpenSSL's reason", Errc::io. Clears OpenSSL's error queue.
Error openssl_error(const std::string& what);
KeyPtr make_key(KeyType type);
std::string text_of(BIO* bio);
BioPtr bio_over(const std::string& text);
Result<std::string> key_pem_of(EVP_PKEY* key);
/// Upper-case hexadecimal digits, as openssl prints a serial.
std::string serial_text(const ASN1_INTEGER* serial);
/// The alternative names of a request in OpenSSL's notation. Errc::usage names a bad one.
Result<std::string> alternative_names(const LeafRequest& request);
/// A leaf certificate (PEM) for a public key; the private one may be elsewhere.
Result<std::string> issue_for_key(const IssuedCert& ca, const LeafRequest& request, EVP_PKEY* key);

}  // namespace starling
