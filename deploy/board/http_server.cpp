#include "deploy/board/http_server.hpp"

#include <cerrno>
#include <optional>
#include <vector>

#include <asio/ssl/context.hpp>

#include "deploy/board/http_connection.hpp"

namespace starling {

struct HttpServer::Shared : HttpShared {
    Shared(asio::io_context& context, HttpShared with)
        : HttpShared(std::move(with)), acceptor(context) {}

    static void accept(const std::shared_ptr<Shared>& self);
    void set_tls(ssl_ctx_st& context) {
        SSL_CTX_up_ref(&context);  // asio's context frees it
        tls.emplace(&context);
    }
    void close_all() {
        for (const auto& [id, connection] : std::map(connections)) {
            connection->close();
        }
    }
    /// Closes the oldest connection that is not admitted. \return  there was one.
    bool close_oldest();

    asio::ip::tcp::acceptor acceptor;
    std::optional<asio::ssl::context> tls;
    std::uint64_t next_id = 0;
    bool closed = false;
};

/// Somebody that opens connections and sends nothing can't keep out the others.
bool HttpServer::Shared::close_oldest() {
    for (const auto& [id, connection] : connections) {
        if (!connection->admitted()) {
            std::shared_ptr(connection)->close();
            return true;
        }
    }
    return false;
}

void HttpServer::Shared::accept(const std::shared_ptr<Shared>& self) {
    self->acceptor.async_accept([self](asio::error_code error, asio::ip::tcp::socket socket) {
        if (self->closed) {
            return;
        }
        if (!error) {
            if (self->connections.size() >= self->limits.connections) {
                self->close_oldest();
            }
            const std::uint64_t id = self->next_id++;
            std::shared_ptr<HttpConnection> connection;
            if (self->tls) {
                using Tls = asio::ssl::stream<asio::ip::tcp::socket>;
                connection =
                    std::make_shared<HttpStream<Tls>>(Tls(std::move(socket), *self->tls), id, self);
            } else {
                connection = std::make_shared<HttpStream<asio::ip::tcp::socket>>(std::move(socket),
                                                                                 id, self);
            }
            self->connections[id] = connection;
            connection->start();
            accept(self);
            return;
        }
        const bool no_descriptor = error.value() == EMFILE || error.value() == ENFILE;
        if (no_descriptor && self->close_oldest()) {
            accept(self);
            return;
        }
        auto timer = std::make_shared<asio::steady_timer>(self->acceptor.get_executor(),
                                                          std::chrono::milliseconds(100));
        timer->async_wait([self, timer](asio::error_code) {
            if (!self->closed) {
                accept(self);
            }
        });
    });
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(asio::io_context& io, const HttpPlace& place,
                                                      HttpAccess access, Handler handler,
                                                      HttpLimits limits) {
    auto shared = std::make_shared<Shared>(
        io, HttpShared{std::move(access), std::move(handler), limits, 0, {}});
    if (place.tls) {
        shared->set_tls(*place.tls);
    }
    asio::error_code error;
    const asio::ip::tcp::endpoint here(asio::ip::make_address(place.address.host.c_str(), error),
                                       place.address.port);
    if (!error) {
        shared->acceptor.open(here.protocol(), error);
    }
    if (!error) {
        shared->acceptor.set_option(asio::socket_base::reuse_address(true), error);
        shared->acceptor.bind(here, error);
    }
    if (!error) {
        shared->acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        return Error{Errc::io, "port " + std::to_string(place.address.port) + " on " +
                                   place.address.host + ": " + error.message() +
                                   " (--port, --listen)"};
    }
    Shared::accept(shared);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(shared)));
}

HttpServer::HttpServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

HttpServer::~HttpServer() {
    shared_->closed = true;
    asio::error_code ignored;
    shared_->acceptor.close(ignored);
    shared_->close_all();
}

void HttpServer::use(std::shared_ptr<ssl_ctx_st> tls) {
    shared_->set_tls(*tls);
    shared_->close_all();
}

void HttpServer::notify(std::uint64_t version) {
    if (version == shared_->version) {
        return;
    }
    shared_->version = version;
    for (const auto& [id, connection] : shared_->connections) {
        connection->tell();
    }
}

}  // namespace starling
