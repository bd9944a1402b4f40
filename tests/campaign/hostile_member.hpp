#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/ledger/signature.hpp"
#include "core/merge/segment_codec.hpp"
#include "core/node/node.hpp"

namespace starling::test {

/// What a malicious member with a valid certificate may do to the others. All frames are
/// well-formed; their bodies need not be.
enum class Lie : std::uint8_t {
    wrong_contributions,  ///< parameters with changed bits, different ones for each owner
    wrong_merges,         ///< a segment that it owns is merged to wrong bits, the same for all
    nan_contributions,
    nan_merges,
    wrong_reports,     ///< signs a digest other than the one it merged to
    no_contributions,  ///< takes part, but sends no parameters
    no_merges,         ///< merges, but sends no merged segments
    no_reports,        ///< never reports its digest
    false_progress,    ///< always claims to have just received something, and reports no digest
    false_blame,       ///< blames others for sending nothing
    deaf,              ///< requests no segments
    old_frames,        ///< resends earlier frames
    command_flood,     ///< sends each command many times, and check-ins of future rounds
    // In addition, see CampaignSwarm::add_hostile_nodes().
    /// segments that it merges or passes on are wrong for one member, its neighbour by id
    uneven_merges,
    malformed_segments,  ///< half of what it sends is no encoding of a segment
    non_finite_codes,    ///< half of what it sends decodes to NaN or infinity somewhere
};
constexpr int lie_count = 13;  ///< of those that are drawn in every seed
std::string_view to_string(Lie lie);

/// Some kinds of lies, kept over all sessions of the member.
class HostileMember {
public:
    HostileMember(std::uint64_t seed, NodeId id, std::vector<NodeId> others, std::set<Lie> lies,
                  SegmentCodec codec);

    /// Wraps its SL: changes, drops and adds effects.
    std::unique_ptr<Node> wrap(std::unique_ptr<Node> sl, std::shared_ptr<const NodeSigner> signer);
    const NodeId& id() const { return id_; }

    void change(Effect& effect, const NodeSigner& signer, std::vector<Effect>& more);

    /// Is called when a merged segment with another value is sent to a member.
    std::function<void(const SegmentData&, const NodeId&)> on_false_merge;

private:
    bool tells(Lie lie) const { return begun_ && lies_.contains(lie); }
    void change_segment(const SegmentData& data, Effect& effect);
    void change_check_in(SubmitCommand& submit, const NodeSigner& signer);
    void change_heartbeat(Heartbeat& heartbeat, const NodeSigner& signer);
    void add_frames(const Send& send, std::vector<Effect>& more);

    NodeId id_;
    std::vector<NodeId> others_;
    std::set<Lie> lies_;
    SegmentCodec codec_;
    Random random_;
    bool begun_ = false;  ///< round 0 is over: there is something to attack
    std::uint64_t claimed_ = 0;
    std::deque<Send> sent_;  ///< the newest frames, for old_frames
};

}  // namespace starling::test
