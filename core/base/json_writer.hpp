#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/short_text.hpp"

namespace starling {

/// Writes one JSON text (RFC 8259) piece by piece, in the order of the calls. Any text is taken:
/// bytes that are no UTF-8 become U+FFFD, so a peer's name can't spoil the answer it stands in.
///
/// \pre begin and end calls pair up, and inside an object every value has its key.
class JsonWriter {
public:
    JsonWriter& begin_object() { return begin('{'); }
    JsonWriter& end_object() { return end('}'); }
    JsonWriter& begin_array() { return begin('['); }
    JsonWriter& end_array() { return end(']'); }
    JsonWriter& key(std::string_view name);

    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(const ShortText& text) { return value(text.view()); }
    JsonWriter& value(bool flag) { return word(flag ? "true" : "false"); }
    /// null if it is not finite, which JSON can't say.
    JsonWriter& value(double number);
    template <typename Integer>
    requires(std::is_integral_v<Integer>) JsonWriter& value(Integer number) {
        return word(std::to_string(number));
    }
    JsonWriter& null() { return word("null"); }

    /// A member of an object.
    template <typename T>
    JsonWriter& field(std::string_view name, const T& what) {
        return key(name).value(what);
    }

    std::size_t size() const { return text_.size(); }
    std::string take() { return std::move(text_); }

private:
    JsonWriter& begin(char bracket);
    JsonWriter& end(char bracket);
    JsonWriter& word(std::string_view text);
    void separate();

    std::string text_;
    std::vector<bool> has_items_;  ///< of each open array or object
    bool after_key_ = false;
};

/// `text` between quotes, with escapes; bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

/// `text` with everything that is no valid UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace starling
