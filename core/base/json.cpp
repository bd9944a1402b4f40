#include "core/base/json.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

namespace starling {
namespace {

constexpr int depth_max = 16;

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<JsonValue> document() {
        JsonValue value;
        if (!parse_value(value, 0) || (skip_space(), position_ != text_.size())) {
            return Error{Errc::malformed, "no valid JSON at byte " + std::to_string(position_)};
        }
        return value;
    }

private:
    char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
    bool accept(char expected) {
        if (peek() != expected || position_ >= text_.size()) {
            return false;
        }
        ++position_;
        return true;
    }
    void skip_space() {
        while (position_ < text_.size() &&
               std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) {
            ++position_;
        }
    }

    bool parse_value(JsonValue& value, int depth) {
        skip_space();
        switch (peek()) {
            case '{':
            case '[':
                return depth < depth_max && parse_items(value, depth);
            case '"':
                value.kind = JsonValue::Kind::string;
                return parse_string(value.text);
            default:
                return parse_word(value);
        }
    }

    bool parse_items(JsonValue& value, int depth) {
        const bool object = peek() == '{';
        const char end = object ? '}' : ']';
        value.kind = object ? JsonValue::Kind::object : JsonValue::Kind::array;
        ++position_;
        skip_space();
        if (accept(end)) {
            return true;
        }
        std::set<std::string> names;
        do {
            JsonMember item;
            skip_space();
            if (object) {
                if (!parse_string(item.name) || !names.insert(item.name).second) {
                    return false;
                }
                skip_space();
                if (!accept(':')) {
                    return false;
                }
            }
            if (!parse_value(item.value, depth + 1)) {
                return false;
            }
            value.items.push_back(std::move(item));
            skip_space();
        } while (accept(','));
        return accept(end);
    }

    bool parse_string(std::string& out) {
        if (!accept('"')) {
            return false;
        }
        while (position_ < text_.size() && peek() != '"') {
            const char c = text_[position_++];
            if (static_cast<unsigned char>(c) < 0x20) {
                return false;
            }
            if (c != '\\') {
                out += c;
            } else if (!parse_escape(out)) {
                return false;
            }
        }
        return accept('"');
    }

    bool parse_escape(std::string& out) {
        constexpr std::string_view written = "\"\\/bfnrt";
        constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
        const char c = peek();
        ++position_;
        if (const std::size_t at = written.find(c); c != '\0' && at != std::string_view::npos) {
            out += meant[at];
            return true;
        }
        unsigned code = 0;
        if (c != 'u') {
            return false;
        }
        for (int i = 0; i < 4; ++i) {
            const std::size_t digit =
                std::string_view("0123456789abcdef")
                    .find(static_cast<char>(peek() >= 'A' && peek() <= 'F' ? peek() - 'A' + 'a'
                                                                           : peek()));
            if (digit == std::string_view::npos) {
                return false;
            }
            code = code * 16 + static_cast<unsigned>(digit);
            ++position_;
        }
        out += static_cast<char>(code);
        return code < 128;
    }

    /// true, false, null or a number.
    bool parse_word(JsonValue& value) {
        const std::size_t first = position_;
        const auto of_word = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '+' || c == '-' ||
                   c == '.' || c == 'E';
        };
        while (position_ < text_.size() && of_word(peek())) {
            ++position_;
        }
        value.text = text_.substr(first, position_ - first);
        if (value.text == "null") {
            return true;
        }
        if (value.text == "true" || value.text == "false") {
            value.kind = JsonValue::Kind::boolean;
            return true;
        }
        value.kind = JsonValue::Kind::number;
        const char start = value.text.empty() ? '\0' : value.text[0];
        const bool digits = start == '-' || (start >= '0' && start <= '9');
        return digits && value.text.size() <= 64 &&
               value.text.find_first_not_of("0123456789+-.eE") == std::string::npos;
    }

    std::string_view text_;
    std::size_t position_ = 0;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const auto& item) { return item.name == name; });
    return kind == Kind::object && found != items.end() ? &found->value : nullptr;
}

Result<JsonValue> parse_json(std::string_view text) { return Parser(text).document(); }

std::string json_string(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
            quoted += escape.data();
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

}  // namespace starling
