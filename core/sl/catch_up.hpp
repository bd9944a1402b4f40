#pragma once

#include <optional>
#include <set>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// The parameters of an accepted merge, as a member holds and serves them.
struct CommittedModel {
    RoundKey key;
    Commit commit;
    Segments segments;
};

/// Fetches the committed parameters of a round that this SL had no part in, from the members that
/// had, and those that have gone on from it, one after the other. What came of one is kept when the
/// next is asked, and one that is slow is waited for as long as bytes come.
class CatchUp {
public:
    CatchUp(SwarmTime now, const NodeId& self, RoundKey key, Commit commit, std::uint64_t bytes);

    const RoundKey& key() const { return key_; }
    const Commit& commit() const { return commit_; }
    /// Members that hold the model: those of its commit, and those that exchange in a later round.
    /// The addresses of the newest call count, since one may have been started elsewhere.
    void learn(const NodeId& self, const std::vector<RoundMember>& members);
    /// Whom to dial if it is not up.
    const std::optional<RoundMember>& source() const { return source_; }

    /// Asks, sends probes, or goes to the next member if this one brought nothing for too long.
    void on_tick(SwarmTime now, const std::set<NodeId>& up, std::vector<Effect>& effects);
    void on_peer_up(SwarmTime now, const NodeId& peer, std::vector<Effect>& effects);
    /// \return false: not of this fetch.
    bool on_segment(SwarmTime now, const NodeId& from, const SegmentData& data, const Blob& body);
    /// The source does not hold the model: the next one. What it should have sent was lost: again.
    void on_probe_reply(SwarmTime now, const NodeId& from, const FetchProbeReply& reply,
                        std::vector<Effect>& effects);
    void on_arrivals(SwarmTime now, const Arrivals& arrivals);
    bool complete() const { return missing_.empty(); }
    const Segments& segments() const { return segments_; }
    /// The digest was another one: everything is fetched again, from the next member.
    void start_over(SwarmTime now);
    /// When bytes came last, of anybody, or the fetching began.
    SwarmTime last_moved() const { return last_moved_; }
    TransferProgress transfer() const;

private:
    void next(SwarmTime now);
    void ask(SwarmTime now, std::vector<Effect>& effects);
    void probe(SwarmTime now, std::vector<Effect>& effects);

    RoundKey key_;
    Commit commit_;
    std::uint64_t bytes_;
    std::vector<RoundMember> sources_;
    std::size_t at_ = 0;
    std::optional<RoundMember> source_;
    Segments segments_;
    std::set<std::uint32_t> missing_;
    std::uint64_t received_bytes_ = 0;
    std::uint64_t partial_bytes_ = 0;  ///< of the segment that is arriving
    SwarmTime last_moved_;
    SwarmTime source_moved_{};  ///< when bytes of this source came, or it was chosen
    SwarmTime probed_at_{};
    std::uint32_t probe_ = 0;        ///< serial of the newest
    std::uint32_t asked_after_ = 0;  ///< the newest one when the source was asked
    bool asked_ = false;
};

}  // namespace starling
