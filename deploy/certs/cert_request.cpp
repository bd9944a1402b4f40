// Certificate requests (PKCS #10): what is requested is only a wish. read_request() shows it to the
// operator of the CA, and sign_request() takes nothing but the key from it.
#include "deploy/certs/cert_request.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

#include "deploy/certs/detail/openssl_types.hpp"

namespace starling {
namespace {

constexpr std::string_view role_prefix = "urn:starling:role:";

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

Error no_request(const std::string& why) {
    return {Errc::malformed, "it is not a certificate request: " + why};
}

Result<RequestPtr> parse(const std::string& pem) {
    RequestPtr request(PEM_read_bio_X509_REQ(bio_over(pem).get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!request) {
        return no_request("no PEM block 'CERTIFICATE REQUEST'");
    }
    EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
    const bool proven = key != nullptr && X509_REQ_verify(request.get(), key) == 1;
    ERR_clear_error();
    if (!proven) {
        return no_request("its signature was not made with the key in it");
    }
    return request;
}

std::string_view text_in(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_in(const ASN1_OCTET_STRING* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) {
        return "";
    }
    return ::inet_ntop(family, ASN1_STRING_get0_data(bytes), text.data(), text.size()) == nullptr
               ? ""
               : text.data();
}

Result<void> take_name(const GENERAL_NAME& name, LeafRequest& leaf) {
    if (name.type == GEN_DNS) {
        const std::string text(text_in(name.d.dNSName));
        if (text != leaf.name.name) {
            leaf.dns_names.push_back(text);
        }
    } else if (name.type == GEN_IPADD) {
        leaf.ips.push_back(address_in(name.d.iPAddress));
    } else if (name.type == GEN_URI) {
        const std::string_view uri = text_in(name.d.uniformResourceIdentifier);
        const Result<Role> role = uri.starts_with(role_prefix)
                                      ? parse_role(uri.substr(role_prefix.size()))
                                      : Error{Errc::malformed, ""};
        if (!role) {
            return no_request("it requests '" + std::string(uri.substr(0, 100)) +
                              "', which is not a role");
        }
        leaf.roles.insert(*role);
    } else {
        return no_request("it requests a type of name that nodes don't have");
    }
    return {};
}

Result<NodeId> common_name(const X509_NAME* subject) {
    std::array<char, 256> text{};
    const int length = X509_NAME_get_text_by_NID(subject, NID_commonName, text.data(),
                                                 static_cast<int>(text.size()));
    return parse_node_id(
        std::string_view(text.data(), static_cast<std::size_t>(std::max(length, 0))));
}

}  // namespace

Result<KeyAndRequest> make_request(const LeafRequest& leaf) {
    const Result<std::string> names = alternative_names(leaf);
    if (!names) {
        return names.error();
    }
    const KeyPtr key = make_key(leaf.key_type);
    const RequestPtr request(X509_REQ_new());
    const std::string& name = leaf.name.name;
    STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names->c_str());
    if (extension != nullptr) {
        sk_X509_EXTENSION_push(extensions, extension);
    }
    const bool made = key && request && extension != nullptr &&
                      X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                      X509_NAME_add_entry_by_NID(
                          X509_REQ_get_subject_name(request.get()), NID_commonName, MBSTRING_UTF8,
                          reinterpret_cast<const unsigned char*>(name.data()),
                          static_cast<int>(name.size()), -1, 0) == 1 &&
                      X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                      X509_REQ_add_extensions(request.get(), extensions) == 1 &&
                      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) != 0;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!made || !bio || PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
        return openssl_error("can't create a request for '" + name + "'");
    }
    Result<std::string> secret = key_pem_of(key.get());
    if (!secret) {
        return secret.error();
    }
    return KeyAndRequest{std::move(*secret), text_of(bio.get())};
}

Result<LeafRequest> read_request(const std::string& request_pem) {
    const Result<RequestPtr> request = parse(request_pem);
    if (!request) {
        return request.error();
    }
    Result<NodeId> name = common_name(X509_REQ_get_subject_name(request->get()));
    if (!name) {
        return no_request("its common name: " + name.error().message);
    }
    LeafRequest leaf;
    leaf.name = std::move(*name);
    STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request->get());
    const NamesPtr names(static_cast<GENERAL_NAMES*>(
        X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
    Result<void> taken;
    for (int i = 0; taken && names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        taken = take_name(*sk_GENERAL_NAME_value(names.get(), i), leaf);
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    ERR_clear_error();
    return taken ? Result<LeafRequest>(std::move(leaf)) : taken.error();
}

Result<LeafRequest> read_certificate(const std::string& cert_pem) {
    const CertPtr certificate(
        PEM_read_bio_X509(bio_over(cert_pem).get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!certificate) {
        return Error{Errc::malformed, "no certificate in PEM format"};
    }
    Result<NodeId> name = common_name(X509_get_subject_name(certificate.get()));
    if (!name) {
        return Error{Errc::malformed, "its common name: " + name.error().message};
    }
    LeafRequest made;
    made.name = std::move(*name);
    const NamesPtr names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        static_cast<void>(take_name(*sk_GENERAL_NAME_value(names.get(), i), made));
    }
    ERR_clear_error();
    return made;
}

Result<std::string> sign_request(const IssuedCert& ca, const std::string& request_pem,
                                 const LeafRequest& granted) {
    const Result<RequestPtr> request = parse(request_pem);
    if (!request) {
        return request.error();
    }
    return issue_for_key(ca, granted, X509_REQ_get0_pubkey(request->get()));
}

}  // namespace starling
