#pragma once

#include <map>
#include <memory>
#include <set>
#include <utility>

namespace starling {

/// A map or a set that is empty most of the time, and then takes a pointer instead of 48 bytes:
/// nodes have some of these each, and a process may simulate 100,000 nodes.
template <typename Container>
class MostlyEmpty {
public:
    MostlyEmpty() = default;
    MostlyEmpty(Container content)  // NOLINT(google-explicit-constructor): the same
        : content_(content.empty() ? nullptr : std::make_unique<Container>(std::move(content))) {}
    MostlyEmpty(const MostlyEmpty& other) : MostlyEmpty(*other) {}
    MostlyEmpty(MostlyEmpty&&) noexcept = default;
    MostlyEmpty& operator=(MostlyEmpty other) noexcept {
        content_ = std::move(other.content_);
        return *this;
    }
    ~MostlyEmpty() = default;

    const Container& operator*() const {
        static const Container none;
        return content_ ? *content_ : none;
    }
    const Container* operator->() const { return &**this; }
    /// To add to it. What is erased from it thereby does not free its memory.
    Container& change() {
        if (!content_) {
            content_ = std::make_unique<Container>();
        }
        return *content_;
    }
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
    friend bool operator==(const MostlyEmpty& a, const MostlyEmpty& b) { return *a == *b; }

private:
    void free_if_empty() {
        if (content_ && content_->empty()) {
            content_.reset();
        }
    }

    std::unique_ptr<Container> content_;
};

}  // namespace starling
