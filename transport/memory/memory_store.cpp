#include "transport/memory/memory_store.hpp"

namespace starling {

Result<void> MemoryStore::append(std::uint64_t index, ByteView bytes) {
    if (full) {
        return Error{Errc::io, "the disk of this node is full"};
    }
    STARLING_INVARIANT(index == records.size() + 1, "a log has no gaps");
    records.emplace_back(bytes.begin(), bytes.end());
    return {};
}

}  // namespace starling
