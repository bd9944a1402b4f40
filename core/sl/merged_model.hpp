#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/lazy_container.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// The merged model of an attempt while it becomes complete: its segments are hashed and written to
/// the disk in batches while others still arrive, so that little of both is left at the end.
class MergedModel {
public:
    /// Segments of one work: 2 MiB take a millisecond or two, far more than handing a work over.
    static constexpr std::size_t batch_segments = 8;
    /// Neighbours that are written together. The disk is asked once for them and wakes its thread
    /// once, each time at the expense of what the processor is doing.
    static constexpr std::size_t run_segments = 4;

    /// \param draft  of the attempt at this node, which also numbers its works
    /// \param read_soon  see WriteWork
    MergedModel(DraftNumber draft, RoundKey key, const ParamLayout& layout, bool read_soon);

    /// A segment is merged or has come. \param digest  if it is known
    void add(std::uint32_t index, const Blob& segment, const std::optional<Digest>& digest);
    /// Hands batches to the worker; the last ones, which may be short, once all segments are here.
    void start_work(Outbox& out);
    void on_hashed(const SegmentDigests& hashed);

    /// Of all segments, in order; nothing: some are not hashed yet.
    std::optional<std::vector<Digest>> digests() const;
    /// \pre  all segments are here
    void start_keeping(const Digest& digest, const Segments& segments, Outbox& out) const;

private:
    void find_run(std::uint32_t index);

    DraftNumber draft_;
    RoundKey key_;
    std::uint64_t bytes_;  ///< of all segments
    std::vector<PlacedSegment> unhashed_;
    /// To be written, without enough neighbours yet.
    LazyContainer<std::map<std::uint32_t, Blob>> scattered_;
    std::vector<PlacedSegment> unwritten_;  ///< the others, in runs
    std::uint64_t written_bytes_ = 0;       ///< handed to WriteWork
    std::vector<Digest> digests_;
    std::uint32_t here_ = 0;
    std::uint32_t hashed_ = 0;
    bool read_soon_;
};

}  // namespace starling
