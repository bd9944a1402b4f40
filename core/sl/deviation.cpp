#include "core/sl/deviation.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/sl/sl_log.hpp"

namespace starling {
namespace {

bool same_bytes(const Blob& a, const Blob& b) {
    if (a.size() != b.size() || a.is_phantom() || b.is_phantom()) {
        return a.size() == b.size();  // phantoms have no bytes that could differ
    }
    return std::memcmp(a.view().data(), b.view().data(), a.size()) == 0;
}

}  // namespace

void report_deviation(Round round, const Digest& merged, const Digest& agreed, Outbox& out) {
    out.report(TraceEvent("merge_deviates")
                   .with("round", round)
                   .with("digest", to_string(merged))
                   .with("agreed", to_string(agreed))
                   .log(Level::error, sl_component,
                        "This node merged round " + std::to_string(round) + " to " +
                            short_text(merged) + ", the majority to " + short_text(agreed) +
                            ": continuing from theirs. After " + std::to_string(deviations_max) +
                            " such rounds this node is expelled from the run"));
}

std::vector<DifferentSegments> different_segments(const Deviation& deviation,
                                                  const Segments& agreed) {
    std::map<NodeId, std::uint32_t> different;
    for (std::size_t at = 0; at < std::min(agreed.size(), deviation.merged.size()); ++at) {
        if (!same_bytes(agreed[at], deviation.merged[at])) {
            ++different[deviation.owners[at]];
        }
    }
    std::vector<DifferentSegments> found;
    for (const auto& [owner, count] : different) {
        found.push_back({owner, count});
    }
    return found;
}

void report_different(const DifferentSegments& segments, Round round, const NodeId& self,
                      Outbox& out) {
    const bool own = segments.owner == self;
    out.report(TraceEvent("segments_deviate")
                   .with("round", round)
                   .with("owner", segments.owner.name)
                   .with("segments", segments.count)
                   .log(Level::error, sl_component,
                        std::to_string(segments.count) +
                            (own ? " segments that this node merged in round "
                                 : " segments of owner '" + segments.owner.name + "' in round ") +
                            std::to_string(round) + " differ from the swarm's: " +
                            (own ? "check this machine's memory and its program"
                                 : "that member sent wrong bytes to this node, or this "
                                   "machine's memory is faulty")));
}

}  // namespace starling
