#include "tests/fuzz/targets.hpp"

#include <algorithm>

namespace starling::fuzz {
namespace {

constexpr Target targets[] = {
    {"wire", "messages, headers and frames of a connection", wire},
    {"ledger", "entries and records of the ledger, and whole ledgers", ledger},
    {"text", "JSON, layouts, licences, words of a shell, certificates on the ledger", text},
    {"options", "command lines and environments of all programs", options},
    {"files", "models, states, traces and the like that nodes read at their start", files},
    {"program", "records between a training program and an ML node in another process", program},
    {"sn_members", "an SN among hostile SLs and tools", sn_members},
    {"sn_servers", "an SN among hostile SNs, SLs and tools", sn_servers},
    {"raft", "the consensus of an SN among hostile SNs", raft},
    {"sl", "an SL among hostile SLs, and with a hostile SN", sl},
    {"ml", "an ML with a hostile SL", ml},
    {"licence", "a licence server, and a node that has a seat of a hostile one", licence},
    {"tool", "a tool that asks a hostile server", tool},
};

}  // namespace

std::span<const Target> all_targets() { return targets; }

void choose(std::span<const InputTest> parsers, ByteView input) {
    if (!input.empty()) {
        parsers[std::to_integer<std::size_t>(input[0]) % parsers.size()](input.subspan(1));
    }
}

std::string_view text_of(ByteView input) {
    return {reinterpret_cast<const char*>(input.data()), input.size()};
}

bool same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

}  // namespace starling::fuzz
