#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/hasher.hpp"

namespace starling {

/// Appends little-endian values to a byte vector. Strings and blobs are a u32 length and the bytes.
class Writer {
public:
    /// Room for so many bytes in all: none is moved until there are more.
    void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
    void u8(std::uint8_t value) { bytes_.push_back(std::byte{value}); }
    void u16(std::uint16_t value) { put(value); }
    void u32(std::uint32_t value) { put(value); }
    void u64(std::uint64_t value) { put(value); }
    void i64(std::int64_t value) { put(static_cast<std::uint64_t>(value)); }
    /// Seven bits a byte, the lowest first; all bytes but the last have the highest bit set
    /// (LEB128).
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7U) {
            u8(static_cast<std::uint8_t>(value | 0x80U));
        }
        u8(static_cast<std::uint8_t>(value));
    }
    void f64(double value) { put(std::bit_cast<std::uint64_t>(value)); }
    void boolean(bool value) { u8(value ? 1 : 0); }
    void raw(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    void string(std::string_view text) {
        u32(static_cast<std::uint32_t>(text.size()));
        raw(std::as_bytes(std::span(text)));
    }
    void digest(const Digest& digest) { raw(digest.bytes); }

    const Bytes& bytes() const { return bytes_; }
    Bytes take() { return std::move(bytes_); }

private:
    template <typename T>
    void put(T value) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof(T));
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            bytes_[at + i] = static_cast<std::byte>(value >> (8 * i));
        }
    }

    Bytes bytes_;
};

/// Reads what Writer wrote, from bytes that a peer or a file may have made up. After the first
/// value that is not there or above its bound every read returns zero, and ok() is false for good:
/// a caller reads all fields and asks once.
class Reader {
public:
    explicit Reader(ByteView bytes) : bytes_(bytes) {}

    std::uint8_t u8() { return get<std::uint8_t>(); }
    std::uint16_t u16() { return get<std::uint16_t>(); }
    std::uint32_t u32() { return get<std::uint32_t>(); }
    std::uint64_t u64() { return get<std::uint64_t>(); }
    std::int64_t i64() { return static_cast<std::int64_t>(get<std::uint64_t>()); }
    /// More bytes than the value needs, or than 64 bits, are malformed.
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const std::uint8_t next = u8();
            const std::uint64_t bits = next & 0x7fU;
            if ((shift == 63 && next > 1) || (shift > 0 && next == 0)) {
                fail();
                return 0;
            }
            value |= bits << shift;
            if (next < 0x80) {
                return value;
            }
        }
    }
    double f64() { return std::bit_cast<double>(get<std::uint64_t>()); }
    /// Any byte but 0 and 1 is malformed.
    bool boolean() {
        const std::uint8_t value = u8();
        if (value > 1) {
            fail();
        }
        return value == 1;
    }
    /// At most `bytes_max` bytes long.
    std::string string(std::size_t bytes_max) {
        const std::uint32_t length = u32();
        if (length > bytes_max) {
            fail();
        }
        const ByteView view = raw(ok_ ? length : 0);
        return {reinterpret_cast<const char*>(view.data()), view.size()};
    }
    ByteView raw(std::size_t length) {
        if (!ok_ || length > bytes_.size()) {
            fail();
            return {};
        }
        const ByteView view = bytes_.first(length);
        bytes_ = bytes_.subspan(length);
        return view;
    }
    Digest digest() {
        Digest digest;
        const ByteView view = raw(digest.bytes.size());
        if (view.size() == digest.bytes.size()) {
            std::memcpy(digest.bytes.data(), view.data(), view.size());
        }
        return digest;
    }
    /// A count of elements of at least `element_bytes` each that are still to come. More than the
    /// bytes that are left can hold is malformed, so a count never makes anybody take memory.
    std::uint32_t count(std::size_t element_bytes, std::uint32_t count_max) {
        const std::uint32_t value = u32();
        if (value > count_max || std::uint64_t{value} * element_bytes > bytes_.size()) {
            fail();
        }
        return ok_ ? value : 0;
    }

    void fail() {
        ok_ = false;
        bytes_ = {};
    }
    bool ok() const { return ok_; }
    /// Everything was read, and nothing is left over.
    bool done() const { return ok_ && bytes_.empty(); }

private:
    template <typename T>
    T get() {
        const ByteView view = raw(sizeof(T));
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < view.size(); ++i) {
            value |= std::uint64_t{std::to_integer<std::uint8_t>(view[i])} << (8 * i);
        }
        return static_cast<T>(value);
    }

    ByteView bytes_;
    bool ok_ = true;
};

/// An enumerator out of [low, high], written as a byte; on another value the reader enters the
/// failed state.
template <typename Enum>
Enum decode_enum(Reader& reader, Enum low, Enum high) {
    const std::uint8_t value = reader.u8();
    if (value < static_cast<std::uint8_t>(low) || value > static_cast<std::uint8_t>(high)) {
        reader.fail();
        return low;
    }
    return static_cast<Enum>(value);
}

}  // namespace starling
