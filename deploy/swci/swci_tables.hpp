#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json/json.hpp"

namespace starling {

/// Rows under their headings, in aligned columns with two spaces between; no trailing blanks.
/// Control characters are shown as '?'.
std::string aligned_table(const std::vector<std::string>& headings,
                          const std::vector<std::vector<std::string>>& rows);

/// The SN's answer to a query of `topic` ("nodes", "servers", "contracts", "contract", "round",
/// "version") as text. A missing member, as of an SN of another version, is shown as '-'.
std::string status_text(std::string_view topic, const JsonValue& answer);

/// A warning if the SN that answered has no leader; otherwise empty.
std::string leader_warning(const JsonValue& answer);

/// The answer to "round" as one line of `watch`, without the time:
/// "default  round 3  exchanging  2/2  1fd7a09b3c52", the digest being that of the last commit.
std::string watch_line(const JsonValue& answer);

}  // namespace starling
