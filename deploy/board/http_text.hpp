#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace starling {

/// What the server needs of a request's head (RFC 9112). Views are parts of it.
struct HttpRequest {
    std::string_view target;
    // Values of headers; empty: there is none.
    std::string_view host;
    std::string_view cookie;
    std::string_view authorization;
    bool get = false;
    bool head = false;
};

/// Errc::malformed: no request of HTTP/1.0 or 1.1, or one of these headers comes twice.
Result<HttpRequest> parse_http_request(std::string_view head);

/// "127.0.0.1" and the like, "localhost" or "[::1]", with or without a port, or nothing. A page of
/// another site can make its own name point to 127.0.0.1 and read what is served there; it can't
/// forge this.
bool is_loopback_host(std::string_view host);

/// An answer; its body may be shared by many connections.
struct HttpAnswer {
    unsigned status = 200;
    std::string_view type = "text/plain; charset=utf-8";  ///< a literal
    std::shared_ptr<const std::string> body = {};
    bool events = false;       ///< no body, but a stream of server-sent events
    std::string headers = {};  ///< further ones, each with its line end
};

/// An answer that says its status alone.
HttpAnswer status_answer(unsigned status);

/// Status line and headers.
std::string http_head(const HttpAnswer& answer);

}  // namespace starling
