#pragma once

#include <map>
#include <string>
#include <vector>

#include "options/node_options.hpp"

namespace starling {

struct SwciOptions {
    CommonOptions common;                              ///< the identity only
    std::vector<Address> servers;                      ///< --sn-ip with --sn-api-port, in order
    bool json = false;                                 ///< --json
    SwarmDuration timeout = std::chrono::seconds(10);  ///< --timeout SECONDS
    std::vector<std::string> command;                  ///< empty: commands come from standard input
};

/// Errc::usage names the flag and what is wrong with it.
Result<Parsed<SwciOptions>> parse_swci(const std::vector<std::string>& arguments,
                                       const std::map<std::string, std::string>& environment);

}  // namespace starling
