#pragma once

#include <map>
#include <set>
#include <utility>

#include "core/base/heap_optional.hpp"

namespace starling {

/// A container that is empty most of the time, and then takes a pointer instead of 24 or 48 bytes:
/// nodes have some of these each, and a process may simulate 100,000 nodes.
template <typename Container>
class LazyContainer {
public:
    LazyContainer() = default;
    LazyContainer(Container content) {  // NOLINT(google-explicit-constructor): the same
        if (!content.empty()) {
            content_ = std::move(content);
        }
    }

    const Container& operator*() const {
        static const Container none;
        return content_ ? *content_ : none;
    }
    const Container* operator->() const { return &**this; }
    /// To change it. What is erased thereby frees no memory before free_if_empty().
    Container& change() { return content_.get_or_make(); }
    /// \return  whether it was there.
    template <typename Key>
    bool erase(const Key& key) {
        const bool erased = content_ && content_->erase(key) > 0;
        free_if_empty();
        return erased;
    }
    template <typename Predicate>
    void erase_if(Predicate is_gone) {
        if (content_) {
            std::erase_if(*content_, is_gone);
            free_if_empty();
        }
    }
    void clear() { content_.reset(); }
    void free_if_empty() {
        if (content_ && content_->empty()) {
            content_.reset();
        }
    }
    friend bool operator==(const LazyContainer& a, const LazyContainer& b) { return *a == *b; }

private:
    HeapOptional<Container> content_;
};

}  // namespace starling
