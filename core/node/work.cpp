#include "core/node/work.hpp"

namespace starling {

std::vector<PlacedSegment> placed(const Segments& segments) {
    std::vector<PlacedSegment> all;
    all.reserve(segments.size());
    for (std::uint32_t i = 0; i < segments.size(); ++i) {
        all.push_back({i, segments[i]});
    }
    return all;
}

bool is_storage(const Work& work) {
    return std::holds_alternative<WriteWork>(work) || std::holds_alternative<KeepWork>(work) ||
           std::holds_alternative<KeepStateWork>(work) ||
           std::holds_alternative<ForgetStatesWork>(work);
}

}  // namespace starling
