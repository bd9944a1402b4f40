#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace starling {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

/// A run of immutable bytes that keeps its memory alive: a slice of a parameter buffer, or a body
/// that came from a peer. Copying shares, it never copies the bytes.
///
/// A *phantom* blob has a size and no bytes. Modelled training uses it to move, merge and digest
/// parameters that nobody computed, through the same code, at no cost in memory.
class Blob {
public:
    Blob() = default;

    /// Takes the bytes.
    explicit Blob(Bytes bytes) {
        auto owned = std::make_shared<const Bytes>(std::move(bytes));
        data_ = owned->data();
        size_ = owned->size();
        owner_ = std::move(owned);
    }
    /// Shares `bytes`, which live as long as `owner` does.
    Blob(std::shared_ptr<const void> owner, ByteView bytes)
        : owner_(std::move(owner)), data_(bytes.data()), size_(bytes.size()) {}

    static Blob phantom(std::size_t size_bytes) {
        Blob blob;
        blob.size_ = size_bytes;
        return blob;
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    bool is_phantom() const { return data_ == nullptr && size_ > 0; }
    /// Empty for a phantom.
    ByteView view() const { return is_phantom() ? ByteView() : ByteView(data_, size_); }

private:
    std::shared_ptr<const void> owner_;
    const std::byte* data_ = nullptr;  ///< of a phantom: nullptr
    std::size_t size_ = 0;
};

/// Lower-case hexadecimal digits, two a byte.
std::string to_hex(ByteView bytes);

}  // namespace starling
