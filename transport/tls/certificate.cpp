// What an X.509 certificate states about a node: its name (common name), its roles (subjectAltName
// URIs), and the hosts that it is valid for (subjectAltName addresses and names, RFC 6125). A
// second common name is refused, since other software could read that one.
#include "transport/tls/certificate.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace starling {
namespace {

Result<NodeId> common_name(const X509& certificate) {
    const X509_NAME* subject = X509_get_subject_name(&certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
        return Error{Errc::refused, "the certificate must have exactly one common name"};
    }
    unsigned char* text = nullptr;
    const int length =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0) {
        return Error{Errc::refused, "the common name of the certificate is no text"};
    }
    Result<NodeId> name = parse_node_id(
        std::string_view(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)));
    OPENSSL_free(text);
    if (!name) {
        return Error{Errc::refused, "the common name of the certificate: " + name.error().message};
    }
    return name;
}

using NamesPtr = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;

NamesPtr alternative_names(const X509& certificate) {
    return {static_cast<GENERAL_NAMES*>(
                X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
            &GENERAL_NAMES_free};
}

std::string_view text_in(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// Text such as "192.0.2.1" of an address of 4 or 16 bytes.
std::string address_text(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN] = "?";
    ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

std::set<Role> roles_of(const X509& certificate) {
    std::set<Role> roles;
    const NamesPtr names = alternative_names(certificate);
    for (int i = 0; i < (names ? sk_GENERAL_NAME_num(names.get()) : 0); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_URI) {
            continue;
        }
        const std::string_view uri = text_in(name->d.uniformResourceIdentifier);
        if (uri.starts_with(role_uri_prefix)) {
            // Roles unknown to this version are ignored.
            if (const Result<Role> role = parse_role(uri.substr(role_uri_prefix.size()))) {
                roles.insert(*role);
            }
        }
    }
    return roles;
}

}  // namespace

std::string name_text(const X509_NAME& name) {
    char text[257] = "";
    if (X509_NAME_get_text_by_NID(&name, NID_commonName, text, sizeof text) < 0) {
        X509_NAME_oneline(&name, text, sizeof text);
    }
    std::string shown = text;
    std::replace_if(
        shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    return shown;
}

bool is_made_for(X509* certificate, const std::string& host) {
    // As a dialling peer matches it: an IP address with the addresses, anything else with the
    // names.
    const int address = X509_check_ip_asc(certificate, host.c_str(), 0);
    return address == 1 || (address == -2 && X509_check_host(certificate, host.data(), host.size(),
                                                             0, nullptr) == 1);
}

std::string hosts_text(const X509& certificate) {
    const NamesPtr names = alternative_names(certificate);
    std::string text;
    for (int i = 0; i < (names ? sk_GENERAL_NAME_num(names.get()) : 0); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        std::string host;
        if (name->type == GEN_DNS) {
            host = text_in(name->d.dNSName);
        } else if (name->type == GEN_IPADD) {
            const std::string_view bytes = text_in(name->d.iPAddress);
            host = bytes.size() == 4 || bytes.size() == 16 ? address_text(bytes) : "";
        }
        if (!host.empty()) {
            text += (text.empty() ? "" : ", ") + host;
        }
    }
    return text.empty() ? "none" : text;
}

std::string date_text(const ASN1_TIME* time) {
    tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return "an unreadable date";
    }
    char text[32];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
    return {text, length};
}

std::string serial_text(const X509& certificate) {
    BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr);
    char* hex = number == nullptr ? nullptr : BN_bn2hex(number);
    std::string text = hex == nullptr ? "?" : hex;
    OPENSSL_free(hex);
    BN_free(number);
    return text;
}

int days_left(const X509& certificate) {
    int days = 0;
    int seconds = 0;
    return ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(&certificate)) == 1 ? days
                                                                                           : 0;
}

Result<Identity> identity_of(const X509& certificate) {
    Result<NodeId> name = common_name(certificate);
    if (!name) {
        return name.error();
    }
    Identity identity{std::move(*name), roles_of(certificate), {}};
    if (identity.roles.empty()) {
        return Error{Errc::refused, "the certificate of '" + identity.name.name +
                                        "' names no role (a subjectAltName URI " +
                                        std::string(role_uri_prefix) + "ROLE)"};
    }
    return identity;
}

std::string role_list(const std::set<Role>& roles) {
    std::string text;
    for (const Role role : roles) {
        text += (text.empty() ? "" : ", ") + std::string(to_string(role));
    }
    return text;
}

Result<void> check_dates(const X509& certificate, const std::string& what) {
    if (X509_cmp_current_time(X509_get0_notAfter(&certificate)) < 0) {
        return Error{Errc::refused, what + " expired on " +
                                        date_text(X509_get0_notAfter(&certificate)) +
                                        ": make a new one (gen-cert)"};
    }
    if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) > 0) {
        return Error{Errc::refused, what + " is not valid before " +
                                        date_text(X509_get0_notBefore(&certificate)) +
                                        ": set this host's clock, or make a new one (gen-cert)"};
    }
    return {};
}

}  // namespace starling
