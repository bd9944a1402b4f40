// OpenSSL's errors as messages that tell the operator which file to change, and on which host.
#include "transport/tls/tls_errors.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace starling {
namespace {

/// Explains a peer's alert about this node's certificate; empty for other alerts.
std::string alert_text(int reason) {
    switch (reason) {
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
            return "(unknown CA): copy the CA certificate of this host into its --capath, and "
                   "intermediate ones behind this node's own in --cert";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
            return "(expired, or the clocks of both hosts differ): make a new one (gen-cert)";
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
            return "(bad certificate): its log says why; often a key or a signature that is too "
                   "weak";
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
            return "(not made for this use): it needs extendedKeyUsage serverAuth and clientAuth";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
            return "(revoked)";
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
            return "(certificate unknown)";
        case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
            return "(its signature does not fit)";
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
            return "(access denied)";
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return "(it got none)";
        default:
            return {};
    }
}

TlsFailure explain_reason(int reason, long verify_result, const std::string& ca) {
    if (const std::string alert = alert_text(reason); !alert.empty()) {
        return {{Errc::refused, "does not accept this node's certificate " + alert}, true};
    }
    switch (reason) {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return {{Errc::refused,
                     "its certificate is not accepted " + verify_text(verify_result, ca)},
                    true};
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return {{Errc::refused, "it showed no certificate"}, true};
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
            return {{Errc::malformed, "it sent an HTTP request; this port speaks TLS 1.3"}, true};
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            return {{Errc::unknown_version, "it does not speak TLS 1.3"}, true};
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_BAD_RECORD_TYPE:
        case SSL_R_UNEXPECTED_MESSAGE:
        case SSL_R_UNEXPECTED_RECORD:
        case SSL_R_RECORD_LENGTH_MISMATCH:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_DATA_LENGTH_TOO_LONG:
            return {{Errc::malformed, "what it sent is no TLS: no Starling node's port?"}, true};
        default:
            break;
    }
    const char* text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
    return {{Errc::malformed,
             "TLS failed: " + (text != nullptr ? std::string(text) : std::to_string(reason))},
            false};
}

}  // namespace

Error file_error(const std::string& flag, const std::string& file, const std::string& what) {
    return Error{Errc::refused, flag + " " + file + ": " + what};
}

std::string verify_text(long code, const std::string& ca) {
    const std::string whose = ca.empty() ? "its" : "the CA '" + ca + "': its";
    switch (code) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
            return "(only '" + ca +
                   "' is trusted here, an intermediate CA, and not the root that made it): copy "
                   "the root's certificate into this node's --capath";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "(unknown CA" + (ca.empty() ? "" : " behind '" + ca + "'") +
                   "): copy the CA certificate of that host into this node's --capath, and "
                   "intermediate ones behind the node's own in its --cert";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "(unknown CA): copy the CA certificate of that host into this node's --capath";
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return ca.empty() ? "(expired): make a new one there (gen-cert)"
                              : "(its CA '" + ca + "' expired): the node needs one of another CA";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "(not yet valid): compare the clocks of both hosts";
        case X509_V_ERR_INVALID_PURPOSE:
            return "(not made for this use): it needs extendedKeyUsage serverAuth and clientAuth";
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return "(its signature is not by the CA that it names)";
        case X509_V_ERR_CERT_REVOKED:
            return ca.empty() ? "(revoked by its CA): the node needs a new one"
                              : "(revoked: the intermediate CA '" + ca +
                                    "' that made it): the node needs one of another CA";
        case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
            return "(its CA has a revocation list and may not sign any): make the CA's certificate "
                   "with keyUsage cRLSign, or take the list out of this node's --capath";
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
            return "(" + whose +
                   " key is too weak): make one of RSA with 2048 bits or more, ECDSA or Ed25519";
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return "(" + whose +
                   " signature is by a hash that is too weak): have it signed with SHA-256";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "(not made for the address that was dialled): make it there with gen-cert "
                   "--renew --host-ip ADDRESS, or dial an address that it names";
        default:
            return (ca.empty() ? "(" : "(the CA '" + ca + "': ") +
                   std::string(X509_verify_cert_error_string(code)) + ")";
    }
}

TlsFailure explain_tls_error(const SSL& ssl, const std::string& ca) {
    const unsigned long newest = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_LIB(newest) == ERR_LIB_SSL) {
        return explain_reason(ERR_GET_REASON(newest), SSL_get_verify_result(&ssl), ca);
    }
    char text[256];
    ERR_error_string_n(newest, text, sizeof text);
    return {{Errc::malformed, newest == 0 ? "TLS failed" : std::string("TLS failed: ") + text},
            false};
}

std::string openssl_reason() {
    const char* text = ERR_reason_error_string(ERR_peek_last_error());
    const std::string reason = text != nullptr ? ": " + std::string(text) : "";
    ERR_clear_error();
    return reason;
}

}  // namespace starling
