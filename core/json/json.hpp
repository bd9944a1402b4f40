#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace starling {

struct JsonMember;

/// A JSON text (RFC 8259) in memory, for small headers and tables.
struct JsonValue {
    enum class Kind { null, boolean, number, string, array, object };

    Kind kind = Kind::null;
    /// Of a boolean "true" or "false"; of a number as it was written, a whole one of up to 64 bits
    /// without needless zeros and signs; of a string in UTF-8, without its escapes.
    std::string text;
    /// Line of the text, from 1: where an array or object begins, where another value ends.
    std::size_t line = 1;
    /// Of an array (names empty) or object, in the order of the text.
    std::vector<JsonMember> items;

    /// The member called `name`, or nullptr.
    const JsonValue* find(std::string_view name) const;
};

struct JsonMember {
    std::string name;
    JsonValue value;
};

constexpr int json_depth_max = 16;                   ///< arrays and objects inside each other
constexpr std::size_t json_bytes_max = 100'000'000;  ///< the largest header of a safetensors file
constexpr std::size_t json_number_max = 64;          ///< characters

/// Errc::malformed: no JSON, no UTF-8, a name twice in an object, or a limit above exceeded. The
/// message gives the byte, the first being 0, and the line.
Result<JsonValue> parse_json(std::string_view text);

}  // namespace starling
