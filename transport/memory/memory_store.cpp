// Writes are applied at once, and each records how to revert it: crash() reverts the newest ones,
// or cuts one that was under way at a random record, as a crash between write and fsync does.
#include "transport/memory/memory_store.hpp"

#include <algorithm>
#include <utility>

#include "core/ledger/snapshot.hpp"

namespace starling {
namespace {

bool same_bytes(const Blob& a, const Blob& b) {
    return a.size() == b.size() && std::ranges::equal(a.view(), b.view());
}

}  // namespace

Result<void> MemoryStore::write_allowed() {
    if (full) {
        return Error{Errc::io, "the disk of this node is full"};
    }
    if (fail_next_write) {
        fail_next_write = false;
        return Error{Errc::io, "the disk of this node did not take a write"};
    }
    return {};
}

void MemoryStore::remember(Undo undo) {
    std::vector<Undo>& undos = history().undos;
    undos.push_back(std::move(undo));
    if (undos.size() > std::max<std::size_t>(lost_writes, 1)) {
        undos.erase(undos.begin());
    }
}

Result<void> MemoryStore::append(std::uint64_t first, std::span<const Bytes> records) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    if (!keeps_log) {
        return {};
    }
    STARLING_INVARIANT(first >= 1 && first <= log().records.size() + 1, "a log has no gaps");
    const auto from = log().records.begin() + static_cast<std::ptrdiff_t>(first - 1);
    Undo undo = undo_of_next();
    undo.first = first;
    undo.replaced = {from, log().records.end()};
    remember(std::move(undo));
    log().records.resize(first - 1);
    log().records.insert(log().records.end(), records.begin(), records.end());
    return {};
}

Result<void> MemoryStore::write(const WriteWork& work) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    if (!draft_ || draft_->number != work.draft) {
        draft_ = std::make_unique<Draft>(Draft{work.draft, {}});
    }
    for (const PlacedSegment& segment : work.segments) {
        draft_->segments.emplace(segment.index, segment.bytes);
    }
    return {};
}

Result<Segments> MemoryStore::keep(const KeepWork& work) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed.error();
    }
    const KeptModel& model = work.model;
    std::uint64_t written_bytes = 0;
    if (work.draft != 0 && draft_ && draft_->number == work.draft) {
        for (const auto& [index, segment] : draft_->segments) {
            STARLING_INVARIANT(same_bytes(segment, model.segments.at(index)),
                               "a draft holds segments of the model that is kept");
            written_bytes += segment.size();
        }
    }
    STARLING_INVARIANT(written_bytes == work.written_bytes, "all that was written is in the draft");
    drop_draft();
    if (!keeps_log) {  // the node is never started again, so no later start reads the model
        return model.segments;
    }
    std::vector<KeptModel>& kept = models.change();
    std::erase_if(kept, [&](const KeptModel& other) { return same_round(other.key, model.key); });
    kept.push_back(model);
    if (kept.size() > 2) {
        kept.erase(kept.begin());
    }
    return model.segments;
}

Result<void> MemoryStore::keep_state(std::uint32_t slot, const KeptState& state) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    STARLING_INVARIANT(slot < KeptStates().size(), "a node numbers its slots from 0 to 1");
    lose_state(slot);
    states.emplace_back(slot, state);
    return {};
}

void MemoryStore::lose_state(std::uint32_t slot) {
    std::erase_if(states, [slot](const auto& kept) { return kept.first == slot; });
}

KeptStates MemoryStore::kept_states() const {
    KeptStates kept;
    for (const auto& [slot, state] : states) {
        kept.at(slot) = state;
    }
    return kept;
}

Result<void> MemoryStore::remove_states() {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    states.clear();
    return {};
}

Result<void> MemoryStore::save_vote(const Vote& vote) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    remember(undo_of_next());
    log().vote = vote;
    return {};
}

Result<void> MemoryStore::save_snapshot(const Bytes& snapshot) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    remember(undo_of_next());
    history().snapshot = std::make_shared<const Bytes>(snapshot);
    return {};
}

Result<void> MemoryStore::begin_behind(const BeginBehind& begin) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    STARLING_INVARIANT(log().records.empty(), "only an empty log begins behind a snapshot");
    remember(undo_of_next());
    log().records.resize(begin.missing.last);
    log().missing = begin.missing;
    log().vote = begin.vote;
    history().snapshot = std::make_shared<const Bytes>(begin.snapshot);
    return {};
}

Result<void> MemoryStore::append_older(const PersistOlder& older) {
    if (Result<void> allowed = write_allowed(); !allowed) {
        return allowed;
    }
    STARLING_INVARIANT(older.first + older.records.size() == log().missing.last + 1,
                       "the newest missing record comes first");
    remember(undo_of_next());
    std::ranges::copy(older.records,
                      log().records.begin() + static_cast<std::ptrdiff_t>(older.first - 1));
    log().missing = {older.first - 1, older.link_before};
    return {};
}

Result<Bytes> MemoryStore::record(std::uint64_t index) const {
    if (index == 0 || index > log().records.size() || index <= log().missing.last) {
        return Error{Errc::not_found, "the log has no record " + std::to_string(index)};
    }
    return log().records[index - 1];
}

Result<Digest> MemoryStore::link(std::uint64_t index, const Hasher& hasher) const {
    if (index > log().records.size() || index < log().missing.last) {
        return Error{Errc::not_found, "the log has no record " + std::to_string(index)};
    }
    Digest link = log().missing.link;
    for (std::uint64_t next = log().missing.last + 1; next <= index; ++next) {
        link = chain_link(hasher, link, next, log().records[next - 1]);
    }
    return link;
}

DurableLog MemoryStore::start_log(const Hasher& hasher) const {
    if (!snapshot()) {
        return log();
    }
    Result<LedgerSnapshot> snapshot = decode_snapshot(hasher, *this->snapshot());
    STARLING_INVARIANT(snapshot.has_value(), "its node has made it");
    if (snapshot->index() > log().records.size()) {
        return log();  // a disk that lied has lost records of it
    }
    const auto behind = static_cast<std::ptrdiff_t>(snapshot->index());
    return {log().vote,
            {log().records.begin() + behind, log().records.end()},
            std::make_shared<const LedgerSnapshot>(std::move(*snapshot)),
            log().missing};
}

void MemoryStore::undo_newest() {
    const Undo undo = std::move(history_->undos.back());
    history_->undos.pop_back();
    log().vote = undo.vote;
    history_->snapshot = undo.snapshot;
    if (undo.missing.last < log().missing.last) {
        log().records.clear();  // it began behind a snapshot
    }
    // What was copied since is missing again.
    for (std::uint64_t index = log().missing.last + 1; index <= undo.missing.last; ++index) {
        log().records[index - 1].clear();
    }
    log().missing = undo.missing;
    if (undo.first > 0) {
        log().records.resize(undo.first - 1);
        log().records.insert(log().records.end(), undo.replaced.begin(), undo.replaced.end());
    }
}

void MemoryStore::crash(bool writing, Random& random) {
    drop_draft();
    if (!history_) {
        return;
    }
    std::vector<Undo>& undos = history_->undos;
    for (std::size_t lost = 0; lost < lost_writes && !undos.empty(); ++lost) {
        undo_newest();
    }
    if (writing && !undos.empty()) {
        const std::uint64_t first = undos.back().first;
        const std::uint64_t written = first == 0 ? 1 : log().records.size() - (first - 1);
        const std::uint64_t kept = random.below(written + 1);
        if (kept == 0) {
            undo_newest();
        } else if (first > 0) {
            log().records.resize(first - 1 + kept);
        }
    }
    undos.clear();
}

}  // namespace starling
