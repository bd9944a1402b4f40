#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/json_writer.hpp"

namespace starling {

/// The newest items of a list that grows, at most `max`. An Item has an `id`, which counts all that
/// were ever added, and the `version` of the model when it changed last.
template <typename Item>
class KeptList {
public:
    explicit KeptList(std::size_t max) : max_(max) {}

    /// Adds an item and gives it its id. \return  the oldest one, if it had to go
    std::optional<Item> add(Item item) {
        item.id = next_++;
        items_.push_back(std::move(item));
        if (items_.size() <= max_) {
            return std::nullopt;
        }
        std::optional<Item> oldest(std::move(items_.front()));
        items_.pop_front();
        return oldest;
    }
    /// nullptr: it was dropped, or never added.
    Item* find(std::size_t id) {
        return id >= from() && id < next_ ? &items_[id - from()] : nullptr;
    }
    Item& back() { return items_.back(); }
    /// The id of the oldest item that is kept.
    std::size_t from() const { return next_ - items_.size(); }
    /// The id of the next item.
    std::size_t next() const { return next_; }

    /// Writes the members NAME_from and NAME of an object: the items that have changed after
    /// version `since`. \param write  void(const Item&), which writes one
    template <typename Write>
    void write(JsonWriter& json, std::string_view name, std::uint64_t since, Write write) const {
        json.field(std::string(name) + "_from", from()).key(name).begin_array();
        for (const Item& item : items_) {
            if (item.version > since) {
                write(item);
            }
        }
        json.end_array();
    }

private:
    std::size_t max_;
    std::deque<Item> items_;
    std::size_t next_ = 0;
};

}  // namespace starling
