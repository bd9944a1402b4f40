#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "core/base/heap_optional.hpp"
#include "core/base/ids.hpp"

namespace starling {

/// What a node has of other nodes, one for each, in the order of their ids. Most nodes have some
/// ten, some in a large swarm 100,000; so it is in blocks of neighbours, which take half of the
/// memory of a tree.
template <typename T, const NodeId& (*id_of)(const T&)>
class ByNode {
public:
    /// nullptr: there is none. Valid until the next change.
    const T* find(const NodeId& node) const {
        const std::vector<T>& block = blocks_ ? (*blocks_)[block_of(node)] : only_;
        const auto at = place_in(block, node);
        return at != block.end() && id_of(*at) == node ? &*at : nullptr;
    }
    /// The same, to change all but its id.
    T* find(const NodeId& node) { return const_cast<T*>(std::as_const(*this).find(node)); }
    /// Not if there is one of that node.
    /// \return  the one that is there now, valid as of find().
    T& insert(T what) {
        std::vector<T>& block = block_for(id_of(what));
        const auto at = place_in(block, id_of(what));
        const auto place = at - block.begin();
        if (at == block.end() || id_of(*at) != id_of(what)) {
            if (block.size() == block.capacity()) {
                // 1, 4, 8, 12, ...: most have one, or some ten.
                block.reserve(block.empty() ? 1 : (block.size() / 4 + 1) * 4);
            }
            block.insert(block.begin() + place, std::move(what));
        }
        return block[static_cast<std::size_t>(place)];
    }
    /// What is there of the node, or what begins with its id and has no more.
    T& get_or_make(const NodeId& node) {
        T* const found = find(node);
        return found != nullptr ? *found : insert(T{node});
    }
    /// \return  whether it was there.
    bool erase(const NodeId& node) {
        if (find(node) == nullptr) {
            return false;
        }
        if (!blocks_) {
            only_.erase(place_in(only_, node));
            return true;
        }
        const std::size_t number = block_of(node);
        std::vector<T>& block = (*blocks_)[number];
        block.erase(place_in(block, node));
        if (block.empty()) {
            blocks_->erase(blocks_->begin() + static_cast<std::ptrdiff_t>(number));
        }
        if (blocks_->empty()) {
            blocks_.reset();
        }
        return true;
    }
    /// In order. `visit` may not change this.
    template <typename Visit>
    void for_each(Visit visit) const {
        std::for_each(only_.begin(), only_.end(), visit);
        if (blocks_) {
            for (const std::vector<T>& block : *blocks_) {
                std::for_each(block.begin(), block.end(), visit);
            }
        }
    }

private:
    static constexpr std::size_t block_max = 64;

    /// In which it is, if it is there. \pre  blocks_
    std::size_t block_of(const NodeId& node) const {
        const auto behind = std::upper_bound(
            blocks_->begin() + 1, blocks_->end(), node,
            [](const NodeId& id, const std::vector<T>& block) { return id < id_of(block[0]); });
        return static_cast<std::size_t>(behind - blocks_->begin()) - 1;
    }
    /// The same, with room for it.
    std::vector<T>& block_for(const NodeId& node) {
        if (!blocks_ && (only_.size() < block_max || find(node) != nullptr)) {
            return only_;
        }
        if (!blocks_) {
            blocks_.get_or_make().push_back(std::move(only_));
            only_ = {};
        }
        std::size_t number = block_of(node);
        if ((*blocks_)[number].size() == block_max && find(node) == nullptr) {
            split(number);
            number = block_of(node);
        }
        return (*blocks_)[number];
    }
    static auto place_in(const std::vector<T>& block, const NodeId& node) {
        return std::lower_bound(block.begin(), block.end(), node,
                                [](const T& one, const NodeId& id) { return id_of(one) < id; });
    }
    void split(std::size_t number) {
        std::vector<T>& block = (*blocks_)[number];
        const auto middle = block.begin() + block_max / 2;
        std::vector<T> upper(std::make_move_iterator(middle), std::make_move_iterator(block.end()));
        block.erase(middle, block.end());
        block.shrink_to_fit();
        blocks_->insert(blocks_->begin() + static_cast<std::ptrdiff_t>(number) + 1,
                        std::move(upper));
    }

    std::vector<T> only_;                               ///< all, unless there are blocks
    HeapOptional<std::vector<std::vector<T>>> blocks_;  ///< none is empty
};

}  // namespace starling
