#include "transport/memory/memory_store.hpp"

namespace starling {
namespace {

Error full_disk() { return {Errc::io, "the disk of this node is full"}; }

}  // namespace

Result<void> MemoryStore::append(std::uint64_t first, std::span<const Bytes> records) {
    if (full) {
        return full_disk();
    }
    STARLING_INVARIANT(first >= 1 && first <= log.records.size() + 1, "a log has no gaps");
    log.records.resize(first - 1);
    log.records.insert(log.records.end(), records.begin(), records.end());
    return {};
}

Result<void> MemoryStore::keep(const KeptModel& model) {
    if (full) {
        return full_disk();
    }
    models.push_back(model);
    if (models.size() > 2) {
        models.erase(models.begin());
    }
    return {};
}

Result<void> MemoryStore::save_vote(const Vote& vote) {
    if (full) {
        return full_disk();
    }
    log.vote = vote;
    return {};
}

}  // namespace starling
