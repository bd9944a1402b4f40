#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include "deploy/board/http_server.hpp"

namespace starling {

/// A connection of an HttpServer.
class HttpConnection {
public:
    HttpConnection() = default;
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;
    virtual ~HttpConnection() = default;

    virtual void start() = 0;
    /// Tells the newest version, unless an earlier one is still being sent.
    virtual void tell() = 0;
    virtual void close() = 0;
    /// It has sent a request that it may send.
    virtual bool admitted() const = 0;
};

/// What the connections of a server share.
struct HttpShared {
    HttpAccess access;
    HttpServer::Handler handler;
    HttpLimits limits;
    std::uint64_t version = 0;
    std::map<std::uint64_t, std::shared_ptr<HttpConnection>> connections;  ///< the oldest first
};

/// A connection over a TCP socket or over TLS.
template <typename Stream>
class HttpStream final : public HttpConnection,
                         public std::enable_shared_from_this<HttpStream<Stream>> {
public:
    /// \param id  its place in HttpShared::connections
    HttpStream(Stream stream, std::uint64_t id, std::shared_ptr<HttpShared> shared)
        : stream_(std::move(stream)),
          timer_(stream_.get_executor()),
          id_(id),
          shared_(std::move(shared)) {}

    void start() override {
        wait();
        if constexpr (encrypted) {
            stream_.async_handshake(asio::ssl::stream_base::server,
                                    [self = this->shared_from_this()](asio::error_code error) {
                                        error ? self->close() : self->read();
                                    });
        } else {
            read();
        }
    }

    void tell() override {
        if (!streams_ || sending_ || told_ == shared_->version) {
            return;
        }
        told_ = shared_->version;
        write("event: version\ndata: " + std::to_string(told_) + "\n\n");
    }

    void close() override {
        timer_.cancel();
        asio::error_code ignored;
        socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
        socket().close(ignored);
        shared_->connections.erase(id_);
    }

    bool admitted() const override { return admitted_; }

private:
    static constexpr bool encrypted = !std::is_same_v<Stream, asio::ip::tcp::socket>;

    auto& socket() { return stream_.lowest_layer(); }

    /// Starts the time that the next step may take.
    void wait() {
        timer_.expires_after(std::chrono::seconds(shared_->limits.idle_seconds));
        timer_.async_wait([self = this->shared_from_this()](asio::error_code error) {
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

    void read() {
        asio::async_read_until(
            stream_, asio::dynamic_buffer(head_, shared_->limits.request_bytes), "\r\n\r\n",
            [self = this->shared_from_this()](asio::error_code error, std::size_t size) {
                if (error == asio::error::not_found) {
                    self->send(status_answer(431), true);
                } else if (error) {
                    self->close();
                } else {
                    self->answer(std::string_view(self->head_).substr(0, size));
                }
            });
    }

    void answer(std::string_view head) {
        const Result<HttpRequest> request = parse_http_request(head);
        if (!request) {
            send(status_answer(400), true);
        } else if (!request->get && !request->head) {
            send(status_answer(405), true);
        } else if (auto refusal = shared_->access.refusal(*request)) {
            send(std::move(*refusal), request->get);
        } else if (shared_->connections.size() > shared_->limits.connections) {
            send(status_answer(503), true);
        } else {
            admitted_ = true;
            send(shared_->handler(request->target), request->get);
        }
    }

    void send(HttpAnswer answer, bool with_body) {
        streams_ = answer.events && with_body;
        head_ = http_head(answer);
        body_ = with_body && !answer.events ? std::move(answer.body) : nullptr;
        write(std::move(head_));
    }

    /// \pre nothing is being sent
    void write(std::string text) {
        out_ = std::move(text);
        sending_ = true;
        wait();
        asio::async_write(stream_, asio::buffer(out_),
                          [self = this->shared_from_this()](asio::error_code error, std::size_t) {
                              self->sending_ = false;
                              error ? self->close() : self->sent();
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
        stream_.async_write_some(
            asio::buffer(body_->data() + at_, body_->size() - at_),
            [self = this->shared_from_this()](asio::error_code error, std::size_t size) {
                self->at_ += size;
                error ? self->close() : self->sent();
            });
    }

    /// Closed by the client, so that it gets all: what it sends still would reset the connection.
    void finish() {
        wait();
        if constexpr (encrypted) {
            stream_.async_shutdown(
                [self = this->shared_from_this()](asio::error_code) { self->close(); });
        } else {
            asio::error_code ignored;
            socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
            watch();
        }
    }

    /// Ends the connection when the client does. What it sends is passed over.
    void watch() {
        if (std::exchange(watching_, true)) {
            return;
        }
        stream_.async_read_some(asio::buffer(rest_), [self = this->shared_from_this()](
                                                         asio::error_code error, std::size_t) {
            self->watching_ = false;
            error ? self->close() : self->watch();
        });
    }

    Stream stream_;
    asio::steady_timer timer_;
    std::uint64_t id_;
    std::shared_ptr<HttpShared> shared_;
    std::string head_;
    std::string out_;
    std::shared_ptr<const std::string> body_;
    std::size_t at_ = 0;  ///< so much of the body is sent
    std::array<char, 512> rest_{};
    std::uint64_t told_ = 0;
    bool admitted_ = false;
    bool streams_ = false;
    bool sending_ = false;
    bool watching_ = false;
};

}  // namespace starling
