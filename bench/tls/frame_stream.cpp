// One side of a stream of frames between two real endpoints. The receiver answers with a
// FetchProbeReply when it has all bytes, which stands for the acknowledgement at the end of an
// exchange.

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "bench/tls/streams.hpp"

namespace starling::bench {
namespace {

constexpr SwarmDuration wait_limit = std::chrono::minutes(2);

/// Content of the stream: differs between positions, so that a segment in a wrong place is
/// detected.
std::byte byte_at(std::size_t index) { return static_cast<std::byte>(index * 2654435761U >> 24U); }

class FrameSide final : public TwoProcesses::Side {
public:
    FrameSide(const StreamOptions& options, const IdentityFiles& identity, bool dials)
        : options_(options), dials_(dials), sends_(dials || options.both_ways) {
        TlsEndpointOptions endpoint;
        endpoint.name.name = dials ? "sender" : "receiver";
        endpoint.role = Role::sl;
        endpoint.identity = identity;
        endpoint.log = [](Level level, const std::string& text) {
            if (level == Level::warning) {
                std::fprintf(stderr, "%s\n", text.c_str());
            }
        };
        if (!dials) {
            endpoint.listen.push_back({options.address, {Role::sl}});
        }
        Result<std::unique_ptr<PolledEndpoint>> made = make_tls_endpoint(std::move(endpoint));
        if (made) {
            endpoint_ = std::move(*made);
        } else {
            failed_ = made.error();
        }
        if (sends_) {
            auto bytes = std::make_shared<Bytes>(options.bytes);
            for (std::size_t i = 0; i < bytes->size(); ++i) {
                (*bytes)[i] = byte_at(i);
            }
            parameters_ = std::move(bytes);
        }
    }

    Result<void> connect() override {
        if (failed_) {
            return *failed_;
        }
        if (dials_) {
            endpoint_->connect(options_.address, Role::sl);
        }
        const SwarmTime end = endpoint_->now() + wait_limit;
        while (const std::optional<Input> input = endpoint_->receive_until(end)) {
            if (const auto* up = std::get_if<PeerUp>(&*input)) {
                peer_ = up->peer;
                return {};
            }
            if (const auto* failed = std::get_if<ConnectFailed>(&*input)) {
                return failed->error;
            }
        }
        return Error{Errc::timeout, "no connection"};
    }

    void prepare() override {
        bodies_.clear();
        received_ = 0;
    }

    Result<void> run() override {
        if (sends_) {
            send_all();
        }
        bool all_received = !receives();
        bool confirmed = !sends_;
        const SwarmTime end = endpoint_->now() + wait_limit;
        while (!all_received || !confirmed) {
            const std::optional<Input> input = endpoint_->receive_until(end);
            if (!input || std::holds_alternative<PeerLost>(*input)) {
                return Error{Errc::unreachable, "the connection was lost or has stalled"};
            }
            const auto* frame = std::get_if<FrameReceived>(&*input);
            if (frame == nullptr) {
                continue;
            }
            if (std::holds_alternative<FetchProbeReply>(frame->frame.message)) {
                confirmed = true;
                continue;
            }
            bodies_.push_back(frame->frame.body);
            received_ += frame->frame.body.size();
            if (received_ == options_.bytes) {
                all_received = true;
                endpoint_->send(peer_, {FetchProbeReply{}, {}});
            }
        }
        // Runs the event loop once more, so that the confirmation is sent.
        endpoint_->receive_until(endpoint_->now());
        return check();
    }

private:
    bool receives() const { return !dials_ || options_.both_ways; }

    void send_all() {
        for (std::size_t at = 0, index = 0; at < options_.bytes; ++index) {
            const std::size_t size = std::min(options_.segment_bytes, options_.bytes - at);
            const Blob body(parameters_, ByteView(*parameters_).subspan(at, size));
            endpoint_->send(
                peer_,
                {SegmentData{{}, SegmentKind::contribution, static_cast<std::uint32_t>(index)},
                 body});
            at += size;
        }
    }

    /// Checks every byte, after the first run only.
    Result<void> check() {
        if (std::exchange(checked_, true)) {
            return {};
        }
        std::size_t at = 0;
        for (const Blob& body : bodies_) {
            for (const std::byte one : body.view()) {
                if (one != byte_at(at++)) {
                    return Error{Errc::malformed, "a byte is wrong"};
                }
            }
        }
        return {};
    }

    StreamOptions options_;
    bool dials_;
    bool sends_;
    std::unique_ptr<PolledEndpoint> endpoint_;
    std::optional<Error> failed_;
    std::shared_ptr<const Bytes> parameters_;
    NodeId peer_;
    std::vector<Blob> bodies_;
    std::size_t received_ = 0;
    bool checked_ = false;
};

}  // namespace

std::unique_ptr<TwoProcesses::Side> make_frame_sender(const StreamOptions& options,
                                                      const IdentityFiles& identity) {
    return std::make_unique<FrameSide>(options, identity, true);
}

std::unique_ptr<TwoProcesses::Side> make_frame_receiver(const StreamOptions& options,
                                                        const IdentityFiles& identity) {
    return std::make_unique<FrameSide>(options, identity, false);
}

}  // namespace starling::bench
