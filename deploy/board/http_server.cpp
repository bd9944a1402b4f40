#include "deploy/board/http_server.hpp"

#include <chrono>
#include <set>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "deploy/board/http_text.hpp"

namespace starling {

struct HttpServer::Shared {
    Shared(asio::io_context& context, Handler handle, HttpLimits limit)
        : acceptor(context), handler(std::move(handle)), limits(limit) {}

    void accept(const std::shared_ptr<Shared>& self);

    asio::ip::tcp::acceptor acceptor;
    Handler handler;
    HttpLimits limits;
    std::uint64_t version = 0;
    std::set<std::shared_ptr<Connection>> connections;
    bool closed = false;
};

class HttpServer::Connection final : public std::enable_shared_from_this<Connection> {
public:
    Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
        : socket_(std::move(socket)), timer_(socket_.get_executor()), shared_(std::move(shared)) {}

    void read() {
        wait();
        asio::async_read_until(
            socket_, asio::dynamic_buffer(head_, shared_->limits.request_bytes), "\r\n\r\n",
            [self = shared_from_this()](asio::error_code error, std::size_t size) {
                if (error == asio::error::not_found) {
                    self->refuse(431);
                } else if (error) {
                    self->close();
                } else {
                    self->answer(std::string_view(self->head_).substr(0, size));
                }
            });
    }

    void refuse(unsigned status) {
        send({status, "text/plain; charset=utf-8",
              std::make_shared<const std::string>(std::string(http_reason(status)) + "\n"), false},
             true);
    }

    /// Tells the newest version, unless an earlier one is still being sent.
    void tell() {
        if (!streams_ || sending_ || told_ == shared_->version) {
            return;
        }
        told_ = shared_->version;
        write("event: version\ndata: " + std::to_string(told_) + "\n\n");
    }

    void close() {
        timer_.cancel();
        asio::error_code ignored;
        socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
        socket_.close(ignored);
        shared_->connections.erase(shared_from_this());
    }

private:
    /// Starts the time that the next step may take.
    void wait() {
        timer_.expires_after(std::chrono::seconds(shared_->limits.idle_seconds));
        timer_.async_wait([self = shared_from_this()](asio::error_code error) {
            if (error) {
                return;
            }
            if (self->streams_ && !self->sending_) {
                self->write(": still here\n\n");  // else nobody notices a client that is gone
            } else {
                self->close();
            }
        });
    }

    void answer(std::string_view head) {
        const Result<HttpRequest> request = parse_http_request(head);
        if (!request) {
            refuse(400);
        } else if (!request->get && !request->head) {
            refuse(405);
        } else if (!is_loopback_host(request->host)) {
            refuse(421);  // a name that a foreign page has made point here
        } else {
            send(shared_->handler(request->target), request->get);
        }
    }

    void send(HttpAnswer answer, bool with_body) {
        body_ = std::move(answer.body);
        streams_ = answer.events && with_body;
        const std::size_t size = body_ ? body_->size() : 0;
        head_ = http_head(answer.status, answer.type,
                          answer.events ? std::nullopt : std::optional(size));
        if (!with_body || answer.events) {
            body_.reset();
        }
        write(std::move(head_));
    }

    /// \pre nothing is being sent
    void write(std::string text) {
        out_ = std::move(text);
        sending_ = true;
        wait();
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this()](asio::error_code error, std::size_t) {
                              self->sending_ = false;
                              if (error) {
                                  self->close();
                              } else {
                                  self->sent();
                              }
                          });
    }

    void sent() {
        if (streams_) {
            watch();
            wait();
            tell();
        } else if (body_ && at_ < body_->size()) {
            write_some();
        } else {
            finish();
        }
    }

    /// A part of the body, so that a client that is slow but alive is not closed.
    void write_some() {
        wait();
        socket_.async_write_some(
            asio::buffer(body_->data() + at_, body_->size() - at_),
            [self = shared_from_this()](asio::error_code error, std::size_t size) {
                self->at_ += size;
                if (error) {
                    self->close();
                } else {
                    self->sent();
                }
            });
    }

    /// Closed by the client, so that it gets all: what it sends still would reset the connection.
    void finish() {
        asio::error_code ignored;
        socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        wait();
        watch();
    }

    /// Ends the connection when the client does. What it sends is passed over.
    void watch() {
        if (std::exchange(watching_, true)) {
            return;
        }
        socket_.async_read_some(asio::buffer(rest_),
                                [self = shared_from_this()](asio::error_code error, std::size_t) {
                                    self->watching_ = false;
                                    if (error) {
                                        self->close();
                                    } else {
                                        self->watch();
                                    }
                                });
    }

    asio::ip::tcp::socket socket_;
    asio::steady_timer timer_;
    std::shared_ptr<Shared> shared_;
    std::string head_;
    std::string out_;
    std::shared_ptr<const std::string> body_;
    std::size_t at_ = 0;  ///< so much of the body is sent
    std::array<char, 512> rest_{};
    std::uint64_t told_ = 0;
    bool streams_ = false;
    bool sending_ = false;
    bool watching_ = false;
};

void HttpServer::Shared::accept(const std::shared_ptr<Shared>& self) {
    acceptor.async_accept([self](asio::error_code error, asio::ip::tcp::socket socket) {
        if (self->closed) {
            return;
        }
        if (!error) {
            const auto connection = std::make_shared<Connection>(std::move(socket), self);
            const bool full = self->connections.size() >= self->limits.connections;
            self->connections.insert(connection);
            if (full) {
                connection->refuse(503);
            } else {
                connection->read();
            }
            self->accept(self);
            return;
        }
        // No descriptor is free: later.
        auto timer = std::make_shared<asio::steady_timer>(self->acceptor.get_executor(),
                                                          std::chrono::milliseconds(100));
        timer->async_wait([self, timer](asio::error_code) {
            if (!self->closed) {
                self->accept(self);
            }
        });
    });
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(asio::io_context& io, std::uint16_t port,
                                                      Handler handler, HttpLimits limits) {
    auto shared = std::make_shared<Shared>(io, std::move(handler), limits);
    const asio::ip::tcp::endpoint here(asio::ip::address_v4::loopback(), port);
    asio::error_code error;
    shared->acceptor.open(here.protocol(), error);
    if (!error) {
        shared->acceptor.set_option(asio::socket_base::reuse_address(true), error);
        shared->acceptor.bind(here, error);
    }
    if (!error) {
        shared->acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        return Error{Errc::io, "port " + std::to_string(port) +
                                   " on 127.0.0.1: " + error.message() + " (--port)"};
    }
    shared->accept(shared);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(shared)));
}

HttpServer::HttpServer(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

HttpServer::~HttpServer() {
    shared_->closed = true;
    asio::error_code ignored;
    shared_->acceptor.close(ignored);
    for (const auto& connection : std::set(shared_->connections)) {
        connection->close();
    }
}

void HttpServer::notify(std::uint64_t version) {
    if (version == shared_->version) {
        return;
    }
    shared_->version = version;
    for (const auto& connection : shared_->connections) {
        connection->tell();
    }
}

std::uint16_t HttpServer::port() const {
    asio::error_code ignored;
    return shared_->acceptor.local_endpoint(ignored).port();
}

}  // namespace starling
