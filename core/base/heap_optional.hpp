#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace starling {

/// A value that is there for a small part of the time: as std::optional, but in memory of its own,
/// so that it takes a pointer while it is not there.
template <typename T>
class HeapOptional {
public:
    HeapOptional() = default;
    HeapOptional(std::nullopt_t) {}  // NOLINT: as std::optional
    HeapOptional(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: the same
    HeapOptional(const HeapOptional& other)
        : value_(other ? std::make_unique<T>(*other) : nullptr) {}
    HeapOptional(HeapOptional&&) noexcept = default;
    HeapOptional& operator=(HeapOptional other) noexcept {
        value_ = std::move(other.value_);
        return *this;
    }
    ~HeapOptional() = default;

    bool has_value() const { return value_ != nullptr; }
    explicit operator bool() const { return has_value(); }
    const T& operator*() const { return *value_; }
    T& operator*() { return *value_; }
    const T* operator->() const { return value_.get(); }
    T* operator->() { return value_.get(); }
    void reset() { value_.reset(); }
    /// What is there, or a new one.
    T& get_or_make() {
        if (!value_) {
            value_ = std::make_unique<T>();
        }
        return *value_;
    }
    friend bool operator==(const HeapOptional& a, const HeapOptional& b) {
        return a.has_value() == b.has_value() && (!a || *a == *b);
    }

private:
    std::unique_ptr<T> value_;
};

}  // namespace starling
