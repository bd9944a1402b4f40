#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <asio/io_context.hpp>

#include "core/base/result.hpp"

namespace starling {

/// An answer; its body may be shared by many connections.
struct HttpAnswer {
    unsigned status = 200;
    std::string_view type = "text/plain; charset=utf-8";  ///< a literal
    std::shared_ptr<const std::string> body;
    bool events = false;  ///< no body, but the stream of notify()
};

struct HttpLimits {
    std::size_t connections = 900;        ///< further ones are answered with 503
    std::size_t request_bytes = 8 << 10;  ///< request line and headers
    unsigned idle_seconds =
        30;  ///< without progress a connection is closed; a stream gets a comment
};

/// An HTTP/1.1 server on 127.0.0.1 that reads only: GET and HEAD, one request a connection, and a
/// stream of server-sent events that tells the newest version. A client of the stream that is slow
/// skips versions: nothing is queued for it. Everything runs in the thread of `io`.
class HttpServer {
public:
    /// \param target  path and query, as "/api/run?since=7"
    using Handler = std::function<HttpAnswer(std::string_view target)>;

    /// Errc::io: the port can't be used.
    static Result<std::unique_ptr<HttpServer>> start(asio::io_context& io, std::uint16_t port,
                                                     Handler handler, HttpLimits limits = {});
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    /// All streams tell this version, if they have not told it.
    void notify(std::uint64_t version);
    std::uint16_t port() const;

private:
    struct Shared;
    class Connection;
    explicit HttpServer(std::shared_ptr<Shared> shared);

    std::shared_ptr<Shared> shared_;
};

}  // namespace starling
