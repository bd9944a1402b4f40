#pragma once

#include <string>

#include "core/base/ids.hpp"

namespace starling {

/// The names of a range of NodeId, for a person: "sn1, sn2".
/// \param none   the text for an empty range.
/// \param quote  around each name.
template <typename Nodes>
std::string names_text(const Nodes& nodes, const std::string& none = "",
                       const std::string& quote = "") {
    std::string text;
    for (const NodeId& node : nodes) {
        text += (text.empty() ? "" : ", ") + quote + node.name + quote;
    }
    return text.empty() ? none : text;
}

}  // namespace starling
