#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "options/node_options.hpp"

namespace starling {

struct BoardOptions {
    CommonOptions common;             ///< the identity, and the licence servers of a live swarm
    std::vector<std::string> traces;  ///< files; empty: a live swarm
    std::vector<std::string> beside;  ///< traces of another run, to compare with
    std::string html;                 ///< write the page to this file and end; empty: serve it
    std::string timeline;             ///< write the timeline to this file and end; empty: none
    std::string title;
    Address listen{"127.0.0.1", 30380};
    bool tls = false;      ///< serve over TLS: always beyond loopback
    std::string tls_cert;  ///< that clients see
    std::string tls_key;
    std::string token_file;        ///< with TLS: either this, which clients have to know,
    std::string client_ca;         ///< or the CAs of which they have to have a certificate
    std::vector<Address> servers;  ///< SNs of a live swarm, in order
    std::string contract;          ///< of a live swarm: whose round is followed
};

/// Errc::usage names the flag and what is wrong with it.
Result<Parsed<BoardOptions>> parse_board(const std::vector<std::string>& arguments,
                                         const std::map<std::string, std::string>& environment);

}  // namespace starling
