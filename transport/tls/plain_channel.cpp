#include "transport/tls/plain_channel.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace starling {
namespace {

class PlainChannel final : public Channel {
public:
    Result<bool> handshake() override { return true; }
    const std::optional<Identity>& certified() const override { return nobody_; }
    Result<void> check_again(const TlsContext& /*context*/) const override { return {}; }
    void expect_bulk() override { bulk_ = true; }

    std::span<std::byte> receive_space() override {
        STARLING_INVARIANT(begin_ == end_, "what came before was read");
        begin_ = end_ = 0;
        buffer_.resize(bulk_ ? receive_batch_bytes : receive_first_bytes);
        return buffer_;
    }
    void received(std::size_t count) override { end_ = count; }

    Result<std::size_t> read(std::span<std::byte> space) override {
        const std::size_t count = std::min(space.size(), end_ - begin_);
        if (count > 0) {  // before the first read there is no buffer
            std::memcpy(space.data(), buffer_.data() + begin_, count);
            begin_ += count;
        }
        return count;
    }
    bool peer_finished() const override { return false; }

    Result<void> write(const Blob& piece, std::size_t offset, std::size_t count) override {
        waiting_.push_back(piece);
        waiting_views_.push_back(piece.view().subspan(offset, count));
        pending_ += count;
        return {};
    }
    void finish() override {}
    std::size_t pending() const override { return pending_; }
    std::span<const ByteView> take() override {
        taken_ = std::exchange(waiting_, {});
        taken_views_ = std::exchange(waiting_views_, {});
        pending_ = 0;
        return taken_views_;
    }
    void sent_all() override {}
    bool error_is_fatal() const override { return false; }

private:
    const std::optional<Identity> nobody_;
    bool bulk_ = false;
    Bytes buffer_;
    std::size_t begin_ = 0;  ///< [begin_, end_): received and not read
    std::size_t end_ = 0;
    std::vector<Blob> waiting_;  ///< own the bytes of the views
    std::vector<ByteView> waiting_views_;
    std::vector<Blob> taken_;
    std::vector<ByteView> taken_views_;
    std::size_t pending_ = 0;
};

}  // namespace

std::unique_ptr<Channel> make_plain_channel() { return std::make_unique<PlainChannel>(); }

}  // namespace starling
