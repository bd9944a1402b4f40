#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "options/node_options.hpp"

namespace starling {

struct BoardOptions {
    CommonOptions common;             ///< the identity only, with `servers`
    std::vector<std::string> traces;  ///< files; empty: a live swarm
    std::string html;                 ///< write the page to this file and end; empty: serve it
    std::string timeline;             ///< write the timeline to this file and end; empty: none
    std::string title;
    std::uint16_t port = 30380;    ///< on 127.0.0.1
    std::vector<Address> servers;  ///< SNs of a live swarm, in order
    std::string contract;          ///< of a live swarm: whose round is followed
};

/// Errc::usage names the flag and what is wrong with it.
Result<Parsed<BoardOptions>> parse_board(const std::vector<std::string>& arguments,
                                         const std::map<std::string, std::string>& environment);

}  // namespace starling
