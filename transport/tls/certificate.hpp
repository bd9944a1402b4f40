#pragma once

#include <string>

#include "transport/tls/tls_endpoint.hpp"

struct x509_st;
struct asn1_string_st;
struct X509_name_st;

namespace starling {

/// Prefix of the role URIs in a certificate.
constexpr std::string_view role_uri_prefix = "urn:starling:role:";

/// Name and roles of a certificate. Errc::refused: it names no node, or no role.
Result<Identity> identity_of(const x509_st& certificate);

/// "sl, sn"
std::string role_list(const std::set<Role>& roles);

/// Errc::refused if the certificate is not valid now; the message begins with `what`.
Result<void> check_dates(const x509_st& certificate, const std::string& what);

/// The common name of a CA or a node; without one, the whole name in one line.
std::string name_text(const X509_name_st& name);
/// Whether the certificate is valid for `host`, an IP address or a name.
bool is_made_for(x509_st* certificate, const std::string& host);
/// The hosts that it is valid for: "127.0.1.1, sn1.example.org"
std::string hosts_text(const x509_st& certificate);

/// "2026-11-23 03:24 UTC"
std::string date_text(const asn1_string_st* time);
/// Upper-case hexadecimal digits, as openssl prints it.
std::string serial_text(const x509_st& certificate);
/// Whole days until it expires; negative afterwards.
int days_left(const x509_st& certificate);

}  // namespace starling
