#include "tests/transport/chain_support.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "deploy/certs/detail/openssl_types.hpp"
#include "deploy/certs/revocation.hpp"

namespace starling::test {
namespace {

using KeyPtr = std::shared_ptr<EVP_PKEY>;
using CertPtr = std::shared_ptr<X509>;
using Extensions = std::vector<std::pair<int, std::string>>;

const Extensions of_a_ca = {{NID_basic_constraints, "critical,CA:TRUE"},
                            {NID_key_usage, "critical,keyCertSign,cRLSign"},
                            {NID_subject_key_identifier, "hash"}};

KeyPtr make_key(const KeyKind& kind) {
    EVP_PKEY* key = kind.bits > 0 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", kind.bits)
                    : kind.type == "EC"
                        ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.curve.c_str())
                        : EVP_PKEY_Q_keygen(nullptr, nullptr, kind.type.c_str());
    EXPECT_NE(key, nullptr) << kind.type << " " << kind.curve;
    return {key, &EVP_PKEY_free};
}

/// \param ca  nullptr: signed by its own key.
IssuedCert make_certificate(const std::string& subject, const KeyKind& kind, const IssuedCert* ca,
                            const Extensions& extensions) {
    static long serial = 1000;
    const KeyPtr key = make_key(kind);
    const CertPtr made(X509_new(), &X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 30L * 24 * 3600);
    X509_NAME_add_entry_by_NID(X509_get_subject_name(made.get()), NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
    X509_set_pubkey(made.get(), key.get());
    CertPtr issuer = made;
    KeyPtr signing = key;
    if (ca != nullptr) {
        issuer = {PEM_read_bio_X509(bio_over(ca->cert_pem).get(), nullptr, nullptr, nullptr),
                  &X509_free};
        signing = {PEM_read_bio_PrivateKey(bio_over(ca->key_pem).get(), nullptr, nullptr, nullptr),
                   &EVP_PKEY_free};
    }
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer.get(), made.get(), nullptr, nullptr, 0);
    for (const auto& [number, text] : extensions) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, number, text.c_str());
        EXPECT_EQ(X509_add_ext(made.get(), extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    EXPECT_NE(X509_sign(made.get(), signing.get(), EVP_sha256()), 0);
    const BioPtr cert(BIO_new(BIO_s_mem()));
    const BioPtr secret(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(cert.get(), made.get());
    PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {text_of(cert.get()), text_of(secret.get())};
}

}  // namespace

ChainAuthority::ChainAuthority(const Folder& folder, const std::string& name)
    : folder_(folder),
      root_(make_certificate(name, {}, nullptr, of_a_ca)),
      intermediate_(make_certificate(name + "-issuing", {}, &root_, of_a_ca)),
      ca_path_(folder.file(name + "-ca")) {
    folder.write(name + "-ca/root.pem", root_.cert_pem);
}

IdentityFiles ChainAuthority::issue(const std::string& node, const std::string& role,
                                    const KeyKind& kind) const {
    const IssuedCert leaf =
        make_certificate(node, kind, &intermediate_,
                         {{NID_basic_constraints, "critical,CA:FALSE"},
                          {NID_ext_key_usage, "serverAuth,clientAuth"},
                          {NID_subject_alt_name, "IP:127.0.0.1,URI:urn:starling:role:" + role}});
    IdentityFiles files;
    files.cert = folder_.write(node + "-chain-cert.pem", leaf.cert_pem + intermediate_.cert_pem);
    files.key = folder_.write(node + "-chain-key.pem", leaf.key_pem);
    files.ca_path = ca_path_;
    return files;
}

void ChainAuthority::revoke_intermediate() const {
    const Result<CertFacts> facts = facts_of(intermediate_.cert_pem, root_);
    ASSERT_TRUE(facts) << facts.error().message;
    const Result<std::string> list =
        make_crl(root_, {{facts->serial, 1'000'000}}, 1, std::chrono::hours(1));
    ASSERT_TRUE(list) << list.error().message;
    folder_.write(ca_path_.substr(ca_path_.rfind('/') + 1) + "/crl.pem", *list);
}

}  // namespace starling::test
