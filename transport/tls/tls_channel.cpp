#include "transport/tls/tls_channel.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/buffer_pool.hpp"
#include "transport/tls/certificate.hpp"
#include "transport/tls/issuer.hpp"
#include "transport/tls/send_buffer.hpp"
#include "transport/tls/tls_errors.hpp"

namespace starling {
namespace {

/// Plaintext bytes of a record (RFC 8446, 5.1).
constexpr std::size_t record_bytes_max = std::size_t{16} * 1024;

/// Ciphertext between OpenSSL and the socket.
struct Ciphertext {
    ByteView in;  ///< in `kept`, or in receive_buffer()
    Bytes kept;
    SendBuffer out;
};

/// Where all connections of a thread receive: so it stays in the cache, and an idle connection has
/// no memory for it.
std::span<std::byte> receive_buffer() {
    static thread_local const BufferPool::Buffer buffer =
        BufferPool::of_process().take(receive_batch_bytes);
    return {buffer.get(), receive_batch_bytes};
}

int bio_write(BIO* bio, const char* data, int count) {
    auto& text = *static_cast<Ciphertext*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    text.out.append(std::as_bytes(std::span(data, static_cast<std::size_t>(count))));
    return count;
}

int bio_read(BIO* bio, char* data, int count) {
    auto& text = *static_cast<Ciphertext*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t moved = std::min(static_cast<std::size_t>(count), text.in.size());
    if (moved == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    std::memcpy(data, text.in.data(), moved);
    text.in = text.in.subspan(moved);
    return static_cast<int>(moved);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

const BIO_METHOD* bio_method() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* made =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "starling buffers");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        BIO_meth_set_create(made, bio_create);
        return made;
    }();
    return method;
}

class TlsChannel final : public Channel {
public:
    TlsChannel(const TlsContext& context, TlsSide side, const std::string& dialled,
               std::uint64_t key_records_max)
        : key_records_max_(key_records_max), ssl_(SSL_new(context.handle()), &SSL_free) {
        BIO* bio = BIO_new(bio_method());
        STARLING_INVARIANT(ssl_ && bio != nullptr, "a connection's memory can be had");
        BIO_set_data(bio, &text_);
        SSL_set_bio(ssl_.get(), bio, bio);
        SSL_set_app_data(ssl_.get(), &ca_at_fault_);
        if (side == TlsSide::dials) {
            SSL_set_connect_state(ssl_.get());
            // An IP address is matched with the certificate's addresses, anything else with its
            // names.
            X509_VERIFY_PARAM* expected = SSL_get0_param(ssl_.get());
            comparable_ = X509_VERIFY_PARAM_set1_ip_asc(expected, dialled.c_str()) == 1 ||
                          (!dialled.empty() && X509_VERIFY_PARAM_set1_host(
                                                   expected, dialled.c_str(), dialled.size()) == 1);
            ERR_clear_error();
        } else {
            SSL_set_accept_state(ssl_.get());
        }
    }

    Result<bool> handshake() override {
        if (!comparable_) {  // otherwise any certificate would be accepted
            fatal_ = true;
            return Error{Errc::refused, "its host name can't be looked for in a certificate"};
        }
        ERR_clear_error();
        const int code = SSL_do_handshake(ssl_.get());
        if (code != 1) {
            return SSL_get_error(ssl_.get(), code) == SSL_ERROR_WANT_READ ? Result<bool>(false)
                                                                          : failed();
        }
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(
            SSL_get1_peer_certificate(ssl_.get()), &X509_free);
        STARLING_INVARIANT(certificate && SSL_get_verify_result(ssl_.get()) == X509_V_OK,
                           "the context demands a certificate that can be verified");
        Result<Identity> identity = identity_of(*certificate);
        if (!identity) {
            fatal_ = true;
            return identity.error();
        }
        identity->ca = ca_of_chain(SSL_get0_verified_chain(ssl_.get()));
        certified_ = std::move(*identity);
        return true;
    }

    const std::optional<Identity>& certified() const override { return certified_; }
    Result<void> recheck_certificate(const TlsContext& context) const override {
        return context.recheck_certificate(*ssl_);
    }
    void expect_bulk() override { bulk_ = true; }

    std::span<std::byte> receive_space() override {
        STARLING_INVARIANT(text_.in.empty(), "OpenSSL has asked for more than there was");
        return receive_buffer().first(bulk_ ? receive_batch_bytes : receive_first_bytes);
    }
    void received(std::size_t count) override {
        text_.kept = Bytes();
        text_.in = receive_buffer().first(count);
    }
    /// Bytes are left if the session has stopped reading.
    void keep_unread() override {
        if (!text_.in.empty() && text_.kept.empty()) {
            text_.kept.assign(text_.in.begin(), text_.in.end());
            text_.in = text_.kept;
        }
    }

    Result<std::size_t> read(std::span<std::byte> space) override {
        ERR_clear_error();
        std::size_t count = 0;
        if (SSL_read_ex(ssl_.get(), space.data(), space.size(), &count) == 1) {
            return count;
        }
        switch (SSL_get_error(ssl_.get(), 0)) {
            case SSL_ERROR_WANT_READ:
                return std::size_t{0};
            case SSL_ERROR_ZERO_RETURN:
                peer_finished_ = true;
                return std::size_t{0};
            default:
                return failed();
        }
    }
    bool peer_finished() const override { return peer_finished_; }

    Result<void> write(const Blob& piece, std::size_t offset, std::size_t count) override {
        ERR_clear_error();
        key_records_ += (count + record_bytes_max - 1) / record_bytes_max;
        if (key_records_ > key_records_max_) {
            key_records_ = 0;
            SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);  // sent with what follows
        }
        std::size_t written = 0;
        // The BIO accepts everything, so OpenSSL never writes a part.
        if (SSL_write_ex(ssl_.get(), piece.view().data() + offset, count, &written) != 1) {
            return failed();
        }
        return {};
    }
    void finish() override {
        if (SSL_is_init_finished(ssl_.get())) {
            SSL_shutdown(ssl_.get());
            ERR_clear_error();
        }
    }

    std::size_t pending() const override { return text_.out.size(); }
    std::span<const ByteView> take() override {
        std::swap(text_.out, taken_);
        text_.out.clear();
        taken_views_[0] = taken_.view();
        return taken_views_;
    }
    void sent_all() override {
        text_.out.release();
        taken_.release();
    }
    bool error_is_fatal() const override { return fatal_; }

private:
    Error failed() {
        TlsFailure failure = explain_tls_error(*ssl_, ca_at_fault_);
        fatal_ = failure.fatal;
        return std::move(failure.error);
    }

    const std::uint64_t key_records_max_;
    std::uint64_t key_records_ = 0;  ///< sent under the current key
    Ciphertext text_;
    std::string ca_at_fault_;  ///< filled in by TrustStore's verify_callback()
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    std::optional<Identity> certified_;
    SendBuffer taken_;
    std::array<ByteView, 1> taken_views_;
    bool bulk_ = false;
    bool peer_finished_ = false;
    bool comparable_ = true;  ///< the dialled host can be matched with a certificate
    bool fatal_ = false;
};

}  // namespace

std::unique_ptr<Channel> make_tls_channel(const TlsContext& context, TlsSide side,
                                          const std::string& dialled,
                                          std::uint64_t key_records_max) {
    return std::make_unique<TlsChannel>(context, side, dialled, key_records_max);
}

}  // namespace starling
