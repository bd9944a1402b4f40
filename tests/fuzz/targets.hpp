#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"

namespace starling::fuzz {

/// Accepts any bytes and must return; a violated property is a broken invariant.
using InputTest = void (*)(ByteView input);

struct Target {
    std::string_view name;
    std::string_view what;
    InputTest run = nullptr;
};

std::span<const Target> all_targets();

/// Selects one of the functions by the first byte, and passes it the rest of the input.
void choose(std::span<const InputTest> parsers, ByteView input);

// Indices of the parsers of each target, in the order of the array in its *_parsers.cpp.
namespace wire_parser {
enum : std::size_t { message, header, frames, records, count };
}
namespace ledger_parser {
enum : std::size_t { entry, record, membership, seat, audit, snapshot, count };
}
namespace text_parser {
enum : std::size_t { json, layout, licence_file, words, chain, count };
}
namespace file_parser {
enum : std::size_t { safetensors, model, state, head, session, trace, xml, profile, count };
}
namespace program_parser {
enum : std::size_t { message, reply, socket, count };
}

std::string_view text_of(ByteView input);
bool same(ByteView a, ByteView b);

// Parsers of data from peers and from other owners' files.
void wire(ByteView input);     ///< messages, headers, frames
void ledger(ByteView input);   ///< entries, records, memberships, seats, a whole ledger
void text(ByteView input);     ///< JSON, layouts, licences, shell words, certificates
void program(ByteView input);  ///< records between a program and its ML node in another process
void options(ByteView input);  ///< command lines and environments of all programs
void files(ByteView input);    ///< models, states, heads, sessions, safetensors, traces, platforms

// Nodes with malicious peers that have valid certificates.
void sn_members(ByteView input);
void sn_servers(ByteView input);
void raft(ByteView input);
void sl(ByteView input);
void ml(ByteView input);
void licence(ByteView input);
void tool(ByteView input);

/// Well-formed inputs of the initial corpus, by target and name.
std::map<std::string, Bytes> make_seeds();

}  // namespace starling::fuzz
