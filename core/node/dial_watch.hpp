#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// Whom a node dials, and what a person should look at when nobody answers.
struct DialTarget {
    const char* name = "";           ///< "SN"
    std::vector<Address> addresses;  ///< any one of them will do
    const char* advice = "";         ///< "Is run-sn running there? Check --sn-ip"
};

/// `inner`, with a warning in its log when nobody has answered at a target for 3 s, and again at
/// growing intervals: a wrong address must not look like patience. Other SNs that it dials are
/// targets too, each by itself.
std::unique_ptr<Node> watch_dials(std::unique_ptr<Node> inner, std::vector<DialTarget> targets);

/// The targets of an SL, an SN and, for both, of their licence.
DialTarget sn_target(std::vector<Address> addresses);
DialTarget sentinel_target(const std::optional<Address>& address);
DialTarget licence_target(std::vector<Address> addresses);

}  // namespace starling
