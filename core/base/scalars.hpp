#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/coding.hpp"
#include "core/base/result.hpp"

namespace starling {

constexpr std::uint32_t scalars_max = 16;    ///< of a check-in
constexpr std::size_t scalar_name_max = 64;  ///< bytes

/// What a program measured beside its loss, by name: "val/accuracy" -> 0.93. Any value may stand
/// there, NaN and infinity included: a training that diverges should show it.
using Scalars = std::map<std::string, double, std::less<>>;

/// Parts of letters, digits, '_', '-' and '.', joined by '/', 1 to 64 bytes in all. A part does not
/// begin with '.' or '-', so a name is a safe path of a file too.
bool is_scalar_name(std::string_view name);

/// Sets a value; an earlier one of that name is replaced. Errc::usage, with what is wrong: the name
/// is none, or there are scalars_max other ones.
Result<void> set_scalar(Scalars& scalars, std::string_view name, double value);

/// u32 count and, ascending by name, string name and f64 value. The decoder takes no other order,
/// no name twice and nothing beyond the limits: what is signed has one encoding.
void encode(Writer& writer, const Scalars& scalars);
Scalars decode_scalars(Reader& reader);

}  // namespace starling
