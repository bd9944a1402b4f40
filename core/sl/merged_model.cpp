#include "core/sl/merged_model.hpp"

#include <iterator>
#include <utility>

#include "core/sl/work_id.hpp"

namespace starling {

MergedModel::MergedModel(DraftNumber draft, RoundKey key, const ParamLayout& layout, bool read_soon)
    : draft_(draft),
      key_(std::move(key)),
      bytes_(layout.size_bytes()),
      digests_(layout.segment_count()),
      read_soon_(read_soon) {}

void MergedModel::add(std::uint32_t index, const Blob& segment,
                      const std::optional<Digest>& digest) {
    ++here_;
    scattered_.change().emplace(index, segment);
    find_run(index);
    if (digest) {
        digests_[index] = *digest;
        ++hashed_;
    } else {
        unhashed_.push_back({index, segment});
    }
}

/// Moves the neighbours of `index`, and itself, to unwritten_ if they are enough. Members receive
/// from several owners in turns, and each owner's segments lie beside each other.
void MergedModel::find_run(std::uint32_t index) {
    std::map<std::uint32_t, Blob>& scattered = scattered_.change();
    auto first = scattered.find(index);
    while (first != scattered.begin() && std::prev(first)->first + 1 == first->first) {
        --first;
    }
    auto end = first;
    std::size_t count = 0;
    do {
        ++end;
        ++count;
    } while (end != scattered.end() && end->first == std::prev(end)->first + 1);
    if (count < run_segments) {
        return;
    }
    for (auto at = first; at != end; ++at) {
        unwritten_.push_back({at->first, std::move(at->second)});
    }
    scattered.erase(first, end);
    scattered_.free_if_empty();
}

void MergedModel::start_work(Outbox& out) {
    const bool complete = here_ == digests_.size();
    if (unhashed_.size() >= batch_segments || (complete && !unhashed_.empty())) {
        const WorkId work{.kind = WorkId::Kind::hash_merged, .serial = draft_};
        out.start_work(work.number(), HashWork{std::exchange(unhashed_, {})});
    }
    // A model of one batch is left for KeepWork: another work would cost more than it gains.
    const bool rest = complete && here_ >= batch_segments;
    if (rest) {
        for (const auto& [index, segment] : *scattered_) {
            unwritten_.push_back({index, segment});
        }
        scattered_.clear();
    }
    if (unwritten_.size() >= batch_segments || (rest && !unwritten_.empty())) {
        for (const PlacedSegment& segment : unwritten_) {
            written_bytes_ += segment.bytes.size();
        }
        const WorkId work{.kind = WorkId::Kind::write_merged, .serial = draft_};
        out.start_work(work.number(),
                       WriteWork{draft_, key_, bytes_, std::exchange(unwritten_, {}), read_soon_});
    }
}

void MergedModel::on_hashed(const SegmentDigests& hashed) {
    for (const auto& [index, digest] : hashed.digests) {
        digests_[index] = digest;
        ++hashed_;
    }
}

std::optional<std::vector<Digest>> MergedModel::digests() const {
    return hashed_ == digests_.size() ? std::optional(digests_) : std::nullopt;
}

void MergedModel::start_keeping(const Digest& digest, const Segments& segments, Outbox& out) const {
    const WorkId work{.kind = WorkId::Kind::keep_merged, .serial = draft_};
    out.start_work(work.number(),
                   KeepWork{{key_, digest, segments}, draft_, written_bytes_, read_soon_});
}

}  // namespace starling
