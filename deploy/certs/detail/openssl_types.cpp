#include "deploy/certs/detail/openssl_types.hpp"

namespace starling {

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

BioPtr bio_over(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Every part is checked: OpenSSL would read a comma in one as the start of the next.
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

Result<std::string> key_pem_of(EVP_PKEY* key) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!bio ||
        PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return openssl_error("can't write a key");
    }
    return text_of(bio.get());
}

std::string serial_text(const ASN1_INTEGER* serial) {
    const NumberPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
    char* hex = number ? BN_bn2hex(number.get()) : nullptr;
    std::string text = hex == nullptr ? "" : hex;
    OPENSSL_free(hex);
    return text;
}

}  // namespace starling
