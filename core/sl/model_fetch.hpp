#pragma once

#include <optional>
#include <set>
#include <vector>

#include "core/base/node_set.hpp"
#include "core/node/node.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// Fetches the committed parameters of a round that this SL missed, from the members of that round
/// and from those that have continued from it, one source after the other. Segments from one source
/// are kept when the next is asked; a slow source is waited for as long as bytes arrive, but no
/// longer than the slowest link explains.
class ModelFetch {
public:
    /// \param source_limit  how long one source may take
    ModelFetch(SwarmTime now, const NodeId& self, RoundKey key, Commit commit,
               std::shared_ptr<const ParamLayout> layout, SwarmDuration source_limit);

    const RoundKey& key() const { return key_; }
    const Commit& commit() const { return commit_; }
    /// Adds members that hold the model: those of its commit, and those of a later round. Addresses
    /// of the newest call replace older ones, since a member may have moved. \pre members ascend
    void learn(const NodeId& self, const MemberList& members);
    /// The source to dial if it is not connected.
    const std::optional<RoundMember>& source() const { return source_; }

    /// Requests segments, sends probes, or switches to the next source if this one has stalled.
    void on_tick(SwarmTime now, const NodeSet& up, Outbox& out);
    void on_peer_up(SwarmTime now, const NodeId& peer, Outbox& out);
    /// \return false: not of this fetch.
    bool on_segment(SwarmTime now, const NodeId& from, const SegmentData& data, const Blob& body);
    /// If the source does not hold the model: switches to the next one. If segments were lost:
    /// requests them again.
    void on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                        Outbox& out);
    void on_arrivals(SwarmTime now, const Arrivals& arrivals);
    bool complete() const { return missing_.empty(); }
    const Segments& segments() const { return segments_; }
    /// The digest does not match: fetches everything again, from the next source.
    void start_over(SwarmTime now);
    /// When the last byte arrived, from any source, or the fetch began.
    SwarmTime last_moved() const { return last_moved_; }
    TransferProgress transfer() const;

private:
    void next(SwarmTime now);
    void ask(SwarmTime now, Outbox& out);
    void probe(SwarmTime now, Outbox& out);

    RoundKey key_;
    Commit commit_;
    std::shared_ptr<const ParamLayout> layout_;
    SwarmDuration source_limit_;
    std::vector<RoundMember> sources_;
    std::size_t at_ = 0;
    std::optional<RoundMember> source_;
    Segments segments_;
    std::set<std::uint32_t> missing_;
    std::uint64_t received_bytes_ = 0;
    std::uint64_t partial_bytes_ = 0;  ///< of the segment that is arriving
    SwarmTime last_moved_;
    SwarmTime source_since_{};  ///< when this source was chosen
    SwarmTime source_moved_{};  ///< when bytes of this source came, or it was chosen
    SwarmTime probed_at_{};
    std::uint32_t probe_ = 0;        ///< serial of the newest
    std::uint32_t asked_after_ = 0;  ///< the newest one when the source was asked
    bool asked_ = false;
};

}  // namespace starling
