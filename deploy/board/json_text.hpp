#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json/json.hpp"

namespace starling {

/// The member's text; empty: there is none, or it is null.
inline std::string text_of(const JsonValue& object, std::string_view name) {
    const JsonValue* value = object.find(name);
    return value == nullptr || value->kind == JsonValue::Kind::null ? "" : value->text;
}

/// The items of a member that is an array or an object; none: there is no such member.
inline const std::vector<JsonMember>& list_of(const JsonValue& object, std::string_view name) {
    static const std::vector<JsonMember> none;
    const JsonValue* value = object.find(name);
    return value == nullptr ? none : value->items;
}

}  // namespace starling
