#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace starling {

/// A text that is short, as names of nodes are: up to 15 bytes are in place, so that it takes half
/// as much memory as a std::string, and two of them are compared by two words. A longer one takes
/// memory. It can't be changed, but replaced; otherwise it is used as a std::string.
class ShortText {
public:
    ShortText() noexcept = default;
    ShortText(std::string_view text) { set(text); }  // NOLINT(google-explicit-constructor): as
    ShortText(const char* text) : ShortText(std::string_view(text)) {}  // NOLINT: std::string
    ShortText(const std::string& text) : ShortText(std::string_view(text)) {}  // NOLINT
    ShortText(const ShortText& other) : words_(other.words_) {
        if (!other.in_place()) {
            set(other);
        }
    }
    ShortText(ShortText&& other) noexcept : words_(std::exchange(other.words_, Words{})) {}
    ShortText& operator=(ShortText other) noexcept {
        std::swap(words_, other.words_);
        return *this;
    }
    ~ShortText() {
        if (!in_place()) {
            delete[] far();
        }
    }

    std::size_t size() const { return in_place() ? most_in_place - tag() : far_size(); }
    bool empty() const { return size() == 0; }
    const char* data() const { return in_place() ? reinterpret_cast<const char*>(&words_) : far(); }
    const char* c_str() const { return data(); }
    const char* begin() const { return data(); }
    const char* end() const { return data() + size(); }
    char back() const { return end()[-1]; }
    std::string_view view() const { return {data(), size()}; }
    operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
    operator std::string() const { return std::string(view()); }  // NOLINT: the same

    // As of std::string.
    std::string substr(std::size_t from, std::size_t count = std::string::npos) const {
        return std::string(view().substr(from, count));
    }
    template <typename What>
    std::size_t find(What what, std::size_t from = 0) const {
        return view().find(what, from);
    }
    template <typename What>
    std::size_t rfind(What what, std::size_t from = std::string::npos) const {
        return view().rfind(what, from);
    }
    template <typename What>
    bool starts_with(What what) const {
        return view().starts_with(what);
    }
    template <typename What>
    bool ends_with(What what) const {
        return view().ends_with(what);
    }

    friend bool operator==(const ShortText& a, const ShortText& b) {
        return a.in_place() && b.in_place() ? a.words_ == b.words_ : a.view() == b.view();
    }
    /// By bytes, as std::string.
    friend std::strong_ordering operator<=>(const ShortText& a, const ShortText& b) {
        if (!a.in_place() || !b.in_place()) {
            return a.view().compare(b.view()) <=> 0;
        }
        const auto order = big_endian(a.words_.first) <=> big_endian(b.words_.first);
        // The last byte counts what is free, and so is compared the other way round.
        return order != 0
                   ? order
                   : (big_endian(a.words_.second) ^ 0xff) <=> (big_endian(b.words_.second) ^ 0xff);
    }
    template <typename Text>
    requires(std::convertible_to<const Text&, std::string_view> &&
             !std::same_as<Text, ShortText>) friend bool
    operator==(const ShortText& a, const Text& b) {
        return a.view() == std::string_view(b);
    }
    template <typename Text>
    requires(std::convertible_to<const Text&, std::string_view> &&
             !std::same_as<Text, ShortText>) friend std::strong_ordering
    operator<=>(const ShortText& a, const Text& b) {
        return a.view().compare(std::string_view(b)) <=> 0;
    }
    friend std::string operator+(std::string a, const ShortText& b) {
        return std::move(a.append(b.view()));
    }
    friend std::string operator+(const ShortText& a, std::string_view b) {
        return std::string(a).append(b);
    }
    friend std::ostream& operator<<(std::ostream& out, const ShortText& text) {
        return out << text.view();
    }

private:
    static constexpr std::size_t most_in_place = 15;
    static constexpr std::uint8_t far_tag = 0xff;
    static constexpr bool is_little = std::endian::native == std::endian::little;
    /// The bytes, then zeros; the last byte is how many more would be in place, so that it ends a
    /// text of 15. If it is far_tag, the first word is a pointer to the bytes, and the second one
    /// begins with their number.
    struct Words {
        std::uint64_t first = 0;
        std::uint64_t second = std::uint64_t{most_in_place} << (is_little ? 56 : 0);
        friend bool operator==(const Words&, const Words&) = default;
    };

    std::uint8_t tag() const { return reinterpret_cast<const std::uint8_t*>(&words_)[15]; }
    bool in_place() const { return tag() != far_tag; }
    char* far() const { return std::bit_cast<char*>(words_.first); }
    std::size_t far_size() const {
        std::uint32_t size = 0;
        std::memcpy(&size, &words_.second, sizeof size);
        return size;
    }
    void set(std::string_view text) {
        words_ = {};
        auto* const bytes = reinterpret_cast<std::uint8_t*>(&words_);
        if (text.size() <= most_in_place) {
            text.copy(reinterpret_cast<char*>(bytes), most_in_place);
            bytes[15] = static_cast<std::uint8_t>(most_in_place - text.size());
            return;
        }
        const auto size = static_cast<std::uint32_t>(text.size());
        char* const there = new char[text.size() + 1];
        text.copy(there, size);
        there[size] = '\0';
        words_.first = std::bit_cast<std::uint64_t>(there);
        std::memcpy(&words_.second, &size, sizeof size);
        bytes[15] = far_tag;
    }
    /// Which is to be compared as its bytes are.
    static std::uint64_t big_endian(std::uint64_t word) {
        return is_little ? __builtin_bswap64(word) : word;
    }

    Words words_;
};

}  // namespace starling
