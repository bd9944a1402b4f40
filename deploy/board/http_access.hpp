#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "deploy/board/http_text.hpp"

namespace starling {

/// Who may read what is served.
class HttpAccess {
public:
    /// Anybody on this machine; but no page of another site whose name points here.
    static HttpAccess loopback() { return HttpAccess(Kind::loopback, ""); }
    /// Whoever has connected: TLS has verified a certificate.
    static HttpAccess certificate() { return HttpAccess(Kind::certificate, ""); }
    /// Whoever knows the token: as `Authorization: Bearer TOKEN`, or as the cookie that
    /// /?token=TOKEN sets.
    /// \param port  that is served: browsers send a host's cookies to all of its ports, so each
    /// port has a cookie of its own name
    static HttpAccess token(std::string token, std::uint16_t port) {
        HttpAccess access(Kind::token, std::move(token));
        access.cookie_name_ += std::to_string(port);
        return access;
    }

    /// The answer to a request that may not be served; nothing: it may.
    std::optional<HttpAnswer> refusal(const HttpRequest& request) const;

private:
    enum class Kind { loopback, certificate, token };
    HttpAccess(Kind kind, std::string token);

    Kind kind_;
    std::string token_;
    // Browsers take a cookie of this prefix from a page over TLS of this very host only.
    std::string cookie_name_ = "__Host-starling-board-";
    std::string cookie_;  ///< made of the token, which it does not tell
};

/// The token in a file: a line of 20 to 200 letters, digits and -._~. Errc::io, Errc::refused: the
/// error begins with the flag --token-file.
Result<std::string> read_token(const std::string& file);

/// Compares in a time that depends on the length of `given` alone.
bool same_secret(std::string_view given, std::string_view secret);

}  // namespace starling
