// Certificate revocation lists (RFC 5280, section 5), which gen-cert --revoke writes and every node
// reads from its --capath.
#include "deploy/certs/revocation.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "deploy/certs/detail/openssl_types.hpp"

namespace starling {
namespace {

bool add_entry(X509_CRL* crl, const Revoked& revoked) {
    BIGNUM* number = nullptr;
    const int digits = BN_hex2bn(&number, revoked.serial.c_str());
    const NumberPtr owned(number);
    const IntegerPtr serial(digits > 0 ? BN_to_ASN1_INTEGER(number, nullptr) : nullptr);
    ASN1_TIME* at = ASN1_TIME_set(nullptr, static_cast<std::time_t>(revoked.at_unix));
    X509_REVOKED* entry = X509_REVOKED_new();
    const bool made = serial && at != nullptr && entry != nullptr &&
                      X509_REVOKED_set_serialNumber(entry, serial.get()) == 1 &&
                      X509_REVOKED_set_revocationDate(entry, at) == 1 &&
                      X509_CRL_add0_revoked(crl, entry) == 1;
    ASN1_TIME_free(at);
    if (!made) {
        X509_REVOKED_free(entry);
    }
    return made;
}

bool add_extensions(X509_CRL* crl, X509* issuer, std::uint64_t number) {
    const IntegerPtr value(ASN1_INTEGER_new());
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, nullptr, nullptr, crl, 0);
    const ExtensionPtr key_id(
        X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
    return value && ASN1_INTEGER_set_uint64(value.get(), number) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, value.get(), 0, 0) == 1 && key_id &&
           X509_CRL_add_ext(crl, key_id.get(), -1) == 1;
}

}  // namespace

Result<std::string> make_crl(const IssuedCert& ca, const std::vector<Revoked>& revoked,
                             std::uint64_t number, std::chrono::seconds validity) {
    const CertPtr issuer(PEM_read_bio_X509(bio_over(ca.cert_pem).get(), nullptr, nullptr, nullptr));
    const KeyPtr key(
        PEM_read_bio_PrivateKey(bio_over(ca.key_pem).get(), nullptr, nullptr, nullptr));
    const CrlPtr crl(X509_CRL_new());
    if (!issuer || !key || X509_check_private_key(issuer.get(), key.get()) != 1) {
        ERR_clear_error();
        return Error{Errc::malformed, "the CA is not a certificate with its private key"};
    }
    ASN1_TIME* now = X509_gmtime_adj(nullptr, 0);
    ASN1_TIME* next = X509_gmtime_adj(nullptr, validity.count());
    bool made = crl && now != nullptr && next != nullptr &&
                X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.get())) == 1 &&
                X509_CRL_set1_lastUpdate(crl.get(), now) == 1 &&
                X509_CRL_set1_nextUpdate(crl.get(), next) == 1;
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    for (const Revoked& one : revoked) {
        made = made && add_entry(crl.get(), one);
    }
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!made || !bio || !add_extensions(crl.get(), issuer.get(), number) ||
        X509_CRL_sort(crl.get()) != 1 || X509_CRL_sign(crl.get(), key.get(), EVP_sha256()) == 0 ||
        PEM_write_bio_X509_CRL(bio.get(), crl.get()) != 1) {
        return openssl_error("can't create the revocation list");
    }
    return text_of(bio.get());
}

Result<CertFacts> facts_of(const std::string& cert_pem, const IssuedCert& ca) {
    const CertPtr cert(PEM_read_bio_X509(bio_over(cert_pem).get(), nullptr, nullptr, nullptr));
    const CertPtr issuer(PEM_read_bio_X509(bio_over(ca.cert_pem).get(), nullptr, nullptr, nullptr));
    if (!cert || !issuer) {
        ERR_clear_error();
        return Error{Errc::malformed, "it is not a certificate in PEM format"};
    }
    if (X509_verify(cert.get(), X509_get0_pubkey(issuer.get())) != 1) {
        ERR_clear_error();
        return Error{
            Errc::usage,
            "it was not issued by this host's CA: revoke it on the host of the CA that issued it"};
    }
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert.get()), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return CertFacts{serial_text(X509_get0_serialNumber(cert.get())), name.data()};
}

Result<std::string> crl_issuer_hash(const std::string& crl_pem) {
    const CrlPtr crl(PEM_read_bio_X509_CRL(bio_over(crl_pem).get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!crl) {
        return Error{Errc::malformed, "no revocation list in PEM format"};
    }
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08lx",
                  X509_NAME_hash_ex(X509_CRL_get_issuer(crl.get()), nullptr, nullptr, nullptr) &
                      0xffffffffUL);
    return std::string(text.data());
}

}  // namespace starling
