#include "core/trace/trace_text.hpp"

#include <algorithm>
#include <charconv>

namespace starling {
namespace {

/// Takes the next word off the front; empty at the end.
std::string_view next_word(std::string_view& rest) {
    constexpr std::string_view blanks = " \t\r\v\f";
    const std::size_t begin = rest.find_first_not_of(blanks);
    if (begin == std::string_view::npos) {
        rest = {};
        return {};
    }
    const std::size_t end = std::min(rest.find_first_of(blanks, begin), rest.size());
    const std::string_view word = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return word;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string unescaped(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
        const int high = i + 2 < value.size() && value[i] == '%' ? hex_digit(value[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(value[i + 2]) : -1;
        if (low >= 0) {
            text.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            text.push_back(value[i]);
        }
    }
    return text;
}

}  // namespace

std::optional<TraceText> parse_trace_line(std::string_view line) {
    const std::string_view time = next_word(line);
    TraceText text;
    const auto [end, error] = std::from_chars(time.data(), time.data() + time.size(), text.time_ns);
    if (time.empty() || error != std::errc{} || end != time.data() + time.size()) {
        return std::nullopt;
    }
    text.node = next_word(line);
    text.event.name = next_word(line);
    if (text.event.name.empty()) {
        return std::nullopt;
    }
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos) {
            return std::nullopt;
        }
        text.event.fields.push_back({word.substr(0, equals), unescaped(word.substr(equals + 1))});
    }
    return text;
}

std::string_view word_after(std::string_view line, std::string_view key) {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        if (word.starts_with(key)) {
            return word.substr(key.size());
        }
    }
    return {};
}

}  // namespace starling
