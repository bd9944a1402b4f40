#include "core/node/work.hpp"

namespace starling {
namespace {

/// Of a small model, four segments.
constexpr std::uint64_t small_model_bytes = 4 * segment_bytes;
/// 100 us at 20 GB/s, or at 5 GB/s.
constexpr std::uint64_t short_merge_bytes = std::uint64_t{2} * 1024 * 1024;
constexpr std::uint64_t short_hash_bytes = std::uint64_t{512} * 1024;

}  // namespace

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

bool is_short(const Work& work) {
    if (const auto* merge = std::get_if<MergeWork>(&work)) {
        const bool mean =
            merge->method.rule == MergeRule::mean && merge->compression.kind == Compression::none;
        return mean && merge->layout->size_bytes() <= small_model_bytes &&
               size_bytes(merge->contributions) <= short_merge_bytes;
    }
    if (const auto* hash = std::get_if<HashWork>(&work)) {
        std::uint64_t bytes = 0;
        for (const PlacedSegment& segment : hash->segments) {
            bytes += segment.bytes.size();
        }
        return bytes <= short_hash_bytes;
    }
    return false;
}

}  // namespace starling
