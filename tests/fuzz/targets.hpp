#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"

namespace starling::fuzz {

/// Takes any bytes and must come back: a property that does not hold is a broken invariant.
using InputTest = void (*)(ByteView input);

struct Target {
    std::string_view name;
    std::string_view what;
    InputTest run = nullptr;
};

/// One of the functions, chosen by the first byte, gets the rest of the input.
void choose(std::span<const InputTest> parsers, ByteView input);

std::string_view text_of(ByteView input);
bool same(ByteView a, ByteView b);

// Parsers: what peers, and files of others, say.
void wire(ByteView input);     ///< messages, headers, frames
void ledger(ByteView input);   ///< entries, records, memberships, seats, a whole ledger
void text(ByteView input);     ///< JSON, layouts, licences, words of a shell, certificates
void options(ByteView input);  ///< command lines and environments of all programs
void files(ByteView input);    ///< models, states, heads, sessions, safetensors, traces, platforms

// Nodes whose peers are let in, and lie.
void sn_members(ByteView input);
void sn_servers(ByteView input);
void raft(ByteView input);
void sl(ByteView input);
void ml(ByteView input);
void licence(ByteView input);
void tool(ByteView input);

/// Well-formed inputs to begin with, by the name of their target and their own.
std::map<std::string, Bytes> make_seeds();

}  // namespace starling::fuzz
