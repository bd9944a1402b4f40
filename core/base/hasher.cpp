#include "core/base/hasher.hpp"

#include <algorithm>

namespace starling {

std::vector<Digest> Hasher::digest_blocks(ByteView bytes, std::size_t block_bytes) const {
    std::vector<Digest> digests;
    digests.reserve(bytes.size() / block_bytes + 1);
    while (!bytes.empty()) {
        const ByteView block = bytes.first(std::min(block_bytes, bytes.size()));
        digests.push_back(digest(block));
        bytes = bytes.subspan(block.size());
    }
    return digests;
}

}  // namespace starling
