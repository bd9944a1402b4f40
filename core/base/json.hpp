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
    std::string
        text;  ///< of a number or boolean as it was written, of a string without its escapes
    /// Of an array (names empty) or object, in the order of the text.
    std::vector<JsonMember> items;

    /// The member called `name`, or nullptr.
    const JsonValue* find(std::string_view name) const;
};

struct JsonMember {
    std::string name;
    JsonValue value;
};

/// Errc::malformed: no JSON, a name twice, nested deeper than 16, or an escape \u beyond ASCII
/// (which we never write); the message gives the position.
Result<JsonValue> parse_json(std::string_view text);

/// `text` between quotes, with escapes.
std::string json_string(std::string_view text);

}  // namespace starling
