#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sim/packed_message.hpp"
#include "transport/endpoint.hpp"

namespace starling::sim_connection {

/// A frame on its way.
struct Item {
    Item(Frame&& frame, std::uint64_t wire_bytes, SendGroup send_group)
        : message(std::move(frame.message)),
          body(std::move(frame.body)),
          bytes(wire_bytes),
          group(send_group) {}
    /// Once.
    Frame take_frame() { return {message.take(), std::move(body)}; }

    PackedMessage message;
    Blob body;
    std::uint64_t bytes;
    SendGroup group;
};

/// Frames that are sent together. Most are alone, so the first one takes no memory of its own.
struct Frames {
    explicit Frames(Item only) : first(std::move(only)) {}
    std::size_t size() const { return 1 + more.size(); }
    Item& operator[](std::size_t place) { return place == 0 ? first : more[place - 1]; }

    Item first;
    std::vector<Item> more;
};
using Burst = std::shared_ptr<Frames>;

/// What a lane has beside small bursts that flow: frames that wait, and the large burst before
/// them. Without memory while there is neither: most lanes are idle, and there are two for each
/// pair of members that exchange.
class Backlog {
public:
    /// The transfer of a large burst over the links.
    struct Transfer {
        std::uint64_t number = 0;      ///< 0: none is under way
        std::uint64_t body_bytes = 0;  ///< of a burst of one frame; else 0
    };

    /// Whether no frame waits.
    bool empty() const { return !content_ || content_->items.empty(); }
    /// \pre  not empty; of pop_front() as well
    Item& front() { return content_->items[content_->head]; }
    void push_back(Item item) { content().items.push_back(std::move(item)); }
    void pop_front() {
        std::vector<Item>& items = content_->items;
        std::size_t& head = content_->head;
        ++head;
        if (head == items.size()) {
            clear();
        } else if (head >= 64 && 2 * head > items.size()) {
            items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(head));
            head = 0;
        }
    }
    /// Drops what waits.
    void clear() {
        if (content_) {
            std::vector<Item>().swap(content_->items);
            content_->head = 0;
            free_if_idle();
        }
    }
    template <typename Predicate>
    void erase_if(Predicate is_gone) {
        if (empty()) {
            return;
        }
        std::vector<Item>& items = content_->items;
        items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(content_->head));
        content_->head = 0;
        std::erase_if(items, is_gone);
        if (items.empty()) {
            clear();
        }
    }

    /// Whether the sender's thread has prepared a burst.
    bool has_prepared() const { return content_ && content_->prepared; }
    void set_prepared(Burst burst) { content().prepared = std::move(burst); }
    /// \pre  has_prepared()
    Burst take_prepared() {
        Burst burst = std::move(content_->prepared);
        content_->prepared = nullptr;
        free_if_idle();
        return burst;
    }
    Transfer transfer() const { return content_ ? content_->transfer : Transfer{}; }
    void begin_transfer(Transfer transfer) { content().transfer = transfer; }
    void end_transfer() {
        if (content_) {
            content_->transfer = {};
            free_if_idle();
        }
    }

private:
    struct Content {
        std::vector<Item> items;
        std::size_t head = 0;  ///< of items; those before it are gone
        Burst prepared;
        Transfer transfer;
    };
    Content& content() {
        if (!content_) {
            content_ = std::make_unique<Content>();
        }
        return *content_;
    }
    void free_if_idle() {
        if (content_->items.empty() && !content_->prepared && content_->transfer.number == 0) {
            content_.reset();
        }
    }

    std::unique_ptr<Content> content_;
};

}  // namespace starling::sim_connection
