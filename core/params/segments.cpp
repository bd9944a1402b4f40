#include "core/params/segments.hpp"

namespace starling {

Segments cut(const Blob& whole) {
    Segments segments;
    const std::uint32_t count = segment_count(whole.size());
    segments.reserve(count);
    const auto owner = std::make_shared<const Blob>(whole);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t size = segment_size(whole.size(), i);
        segments.push_back(whole.is_phantom()
                               ? Blob::phantom(size)
                               : Blob(owner, whole.view().subspan(i * segment_bytes, size)));
    }
    return segments;
}

}  // namespace starling
