#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace starling {

/// What the server needs of a request's head (RFC 9112). Views are parts of it.
struct HttpRequest {
    std::string_view target;
    std::string_view host;  ///< value of the header; empty: there is none
    bool get = false;
    bool head = false;
};

/// Errc::malformed: no request of HTTP/1.0 or 1.1, or it has several Host headers.
Result<HttpRequest> parse_http_request(std::string_view head);

/// "127.0.0.1", "localhost" or "[::1]", with or without a port, or nothing. A page of another site
/// can make its own name point to 127.0.0.1 and read what is served there; it can't forge this.
bool is_loopback_host(std::string_view host);

std::string_view http_reason(unsigned status);

/// Status line and headers. \param size  of the body; nothing: a stream of server-sent events
std::string http_head(unsigned status, std::string_view type, std::optional<std::size_t> size);

}  // namespace starling
