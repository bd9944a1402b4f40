#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace starling {

/// That of `values` whose to_string() is `text`.
///
/// \param values  a range of an enumeration's values
/// \return  Errc::usage: none of them; the message is "'TEXT' `is_not`: one of A, B, C".
template <typename Values>
auto parse_choice(std::string_view text, const Values& values, std::string_view is_not)
    -> Result<std::decay_t<decltype(*std::begin(values))>> {
    std::string names;
    for (const auto value : values) {
        if (text == to_string(value)) {
            return value;
        }
        names += (names.empty() ? "" : ", ") + std::string(to_string(value));
    }
    return Error{Errc::usage, "'" + std::string(text.substr(0, 32)) + "' " + std::string(is_not) +
                                  ": one of " + names};
}

}  // namespace starling
