#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <asio/io_context.hpp>

#include "core/base/ids.hpp"
#include "deploy/board/http_access.hpp"

struct ssl_ctx_st;

namespace starling {

struct HttpLimits {
    std::size_t connections = 900;        ///< see HttpServer
    std::size_t request_bytes = 8 << 10;  ///< request line and headers
    unsigned idle_seconds =
        30;  ///< without progress a connection is closed; a stream gets a comment
};

struct HttpPlace {
    Address address{"127.0.0.1", 0};  ///< an IP address
    std::shared_ptr<ssl_ctx_st> tls;  ///< make_web_context(); none: without TLS
};

/// An HTTP/1.1 server that reads only: GET and HEAD, one request a connection, and a stream of
/// server-sent events that tells the newest version. A client of the stream that is slow skips
/// versions: nothing is queued for it. Where all connections are taken, the oldest one that was not
/// admitted yet makes room; are all admitted, a further one is refused. Everything runs in the
/// thread of `io`.
class HttpServer {
public:
    /// \param target  path and query, as "/api/run?since=7"
    using Handler = std::function<HttpAnswer(std::string_view target)>;

    /// Errc::io: the address can't be used.
    static Result<std::unique_ptr<HttpServer>> start(asio::io_context& io, const HttpPlace& place,
                                                     HttpAccess access, Handler handler,
                                                     HttpLimits limits = {});
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    /// Connections from now on have these settings, and all others are closed: who is connected may
    /// not be who may be. \pre the server has TLS
    void use(std::shared_ptr<ssl_ctx_st> tls);
    /// All streams tell this version, if they have not told it.
    void notify(std::uint64_t version);

private:
    struct Shared;
    explicit HttpServer(std::shared_ptr<Shared> shared);

    std::shared_ptr<Shared> shared_;
};

}  // namespace starling
