#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json/json.hpp"

namespace starling {

/// Rows under their headings, columns aligned, two spaces between; no blanks at line ends.
/// Characters that could move a terminal's cursor are shown as '?'.
std::string aligned_table(const std::vector<std::string>& headings,
                          const std::vector<std::vector<std::string>>& rows);

/// The SN's answer to a query of `topic` ("nodes", "servers", "contracts", "contract", "round",
/// "version") for people. A member that is missing, as from an SN of another version, is shown as
/// '-'.
std::string status_text(std::string_view topic, const JsonValue& answer);

/// What to warn of where the SN that answered has no leader; else nothing.
std::string leader_warning(const JsonValue& answer);

/// The answer to "round" as one line of `watch`, without the time:
/// "default  round 3  exchanging  2/2  1fd7a09b3c52", the digest being that of the last commit.
std::string watch_line(const JsonValue& answer);

}  // namespace starling
