#include "transport/tls/plain_channel.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/coding.hpp"
#include "transport/tls/shared_link.hpp"

namespace starling {
namespace {

class PlainChannel final : public Channel {
public:
    PlainChannel(PlainSide side, bool share_memory) : side_(side), share_memory_(share_memory) {}

    Result<bool> handshake() override { return true; }
    const std::optional<Identity>& certified() const override { return nobody_; }
    Result<void> recheck_certificate(const TlsContext& /*context*/) const override { return {}; }
    void expect_bulk() override {
        bulk_ = true;
        if (side_ == PlainSide::accepts && offered_.size() >= 2) {
            use_offer();
        }
    }

    std::vector<Descriptor> offer() override {
        std::vector<Descriptor> files = std::exchange(answer_, {});
        if (side_ == PlainSide::accepts || !share_memory_) {
            return files;
        }
        Result<SharedRegion> out = SharedRegion::create(SharedRegion::Use::write);
        Result<SharedRegion> in = SharedRegion::create(SharedRegion::Use::read);
        if (!out || !in) {
            sharing_ = (!out ? out : in).error().message;
            return files;
        }
        files.push_back(std::move(out->file()));
        files.push_back(std::move(in->file()));
        own_.emplace(SharedRings{std::move(*out), std::move(*in)});
        pass_own_pool(files);
        return files;
    }
    void take_offer(std::vector<Descriptor> files) override {
        if (share_memory_ && !files.empty()) {
            offered_ = std::move(files);
        }
    }
    std::string_view sharing() const override { return sharing_; }

    std::span<std::byte> receive_space() override {
        STARLING_INVARIANT(begin_ == end_ || own_, "what came before was read");
        const std::size_t kept = end_ - begin_;
        std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), kept, buffer_.begin());
        buffer_.resize(bulk_ && !link_ ? receive_batch_bytes : receive_first_bytes);
        begin_ = 0;
        end_ = kept;
        return std::span(buffer_).subspan(kept);
    }
    void received(std::size_t count) override { end_ += count; }

    Result<std::size_t> read(std::span<std::byte> space) override {
        if (own_ && !see_answer()) {
            return std::size_t{0};
        }
        ByteView here(buffer_.data() + begin_, end_ - begin_);
        if (link_) {
            Result<std::size_t> count = link_->read(here, space);
            begin_ = end_ - here.size();
            return count;
        }
        const std::size_t count = std::min(space.size(), here.size());
        if (count > 0) {  // before the first read there is no buffer
            std::memcpy(space.data(), here.data(), count);
            begin_ += count;
        }
        return count;
    }
    Result<std::optional<Blob>> borrow(std::size_t count) override {
        if (!link_) {
            return std::optional<Blob>();
        }
        ByteView here(buffer_.data() + begin_, end_ - begin_);
        Result<std::optional<Blob>> lent = link_->borrow(here, count);
        begin_ = end_ - here.size();
        return lent;
    }
    bool peer_finished() const override { return false; }

    std::size_t may_write(const Blob& piece, std::size_t offset) const override {
        if (link_ && offset == 0 && link_->may_lend(piece)) {
            return piece.size();
        }
        const std::size_t count = Channel::may_write(piece, offset);
        return !link_ || link_->may_write(count) ? count : 0;
    }
    void expect_no_more() override {
        if (link_) {
            link_->expect_no_credit();
        }
    }
    Result<void> write(const Blob& piece, std::size_t offset, std::size_t count) override {
        const ByteView bytes = piece.view().subspan(offset, count);
        if (link_ && count == piece.size() && link_->may_lend(piece)) {
            link_->lend(piece);
            return {};
        }
        if (link_) {
            link_->write(bytes);
            return {};
        }
        waiting_.push_back(piece);
        waiting_views_.push_back(bytes);
        pending_ += count;
        return {};
    }
    void finish() override {}
    std::size_t pending() const override { return pending_ + (link_ ? link_->pending() : 0); }
    std::span<const ByteView> take() override {
        taken_ = std::exchange(waiting_, {});
        taken_views_ = std::exchange(waiting_views_, {});
        pending_ = 0;
        if (link_ && link_->pending() > 0) {
            taken_.emplace_back(link_->take());
            taken_views_.push_back(taken_.back().view());
        }
        return taken_views_;
    }
    void sent_all() override {
        taken_.clear();
        taken_views_.clear();
    }
    bool error_is_fatal() const override { return false; }

private:
    /// The other end's regions, unless they can't be used: then it gets plain frames as its answer.
    void use_offer() {
        Result<SharedRegion> in = SharedRegion::open(offered_[0], SharedRegion::Use::read);
        Result<SharedRegion> out = SharedRegion::open(offered_[1], SharedRegion::Use::write);
        if (in && out) {
            if (offered_.size() > 2) {
                take_pool(offered_[2]);
                pass_own_pool(answer_);
            }
            begin_sharing({std::move(*out), std::move(*in)});
        } else {
            sharing_ = (!in ? in : out).error().message;
        }
        offered_.clear();
    }
    /// Whether the other end has said, by its first bytes, if it uses this end's regions.
    bool see_answer() {
        const ByteView here(buffer_.data() + begin_, end_ - begin_);
        if (here.size() < sizeof SharedLink::magic) {
            return false;
        }
        if (Reader(here).u32() == SharedLink::magic) {
            if (offered_.size() == 1) {
                take_pool(offered_[0]);
            }
            offered_.clear();
            begin_sharing(std::move(*own_));
        } else {
            sharing_ = "the other end does not use it";
        }
        own_.reset();
        return true;
    }
    /// Without it, all large pieces that this end sends pass through the rings.
    void pass_own_pool(std::vector<Descriptor>& files) {
        if (const auto pool = SharedPool::of_process()) {
            pools_.own = *pool;
            if (Descriptor file = pools_.own->file()) {
                files.push_back(std::move(file));
            }
        }
    }
    /// Without it, all that the other end sends pass through the rings.
    void take_pool(const Descriptor& file) {
        Result<SharedRegion> pool =
            SharedRegion::open(file, SharedRegion::Use::read, SharedPool::size_bytes);
        if (pool) {
            pools_.peer = std::make_shared<const SharedRegion>(std::move(*pool));
            pools_.trusts_peer = side_ == PlainSide::dials;
        }
    }
    void begin_sharing(SharedRings rings) {
        link_.emplace(std::move(rings), std::move(pools_));
        sharing_ = memory_is_shared;
    }

    const PlainSide side_;
    const bool share_memory_;
    std::optional<SharedRings> own_;   ///< offered and not answered yet
    SharedPools pools_;                ///< until link_ is there
    std::vector<Descriptor> answer_;   ///< to be passed by the end that accepts
    std::vector<Descriptor> offered_;  ///< by the other end, until it is admitted
    std::optional<SharedLink> link_;   ///< from then on all bytes are its records
    std::string sharing_;
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

std::unique_ptr<Channel> make_plain_channel(PlainSide side, bool share_memory) {
    return std::make_unique<PlainChannel>(side, share_memory);
}

}  // namespace starling
