#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/ledger/signature.hpp"
#include "core/node/node.hpp"

namespace starling::test {

/// What a member with a valid certificate may do to the others. All frames are well-formed.
enum class Lie : std::uint8_t {
    wrong_contributions,  ///< other bits than its own parameters, for each owner others
    wrong_merges,         ///< a segment that it owns is merged to other bits, the same for all
    nan_contributions,
    nan_merges,
    wrong_reports,     ///< signs another digest than the one it merged to
    no_contributions,  ///< takes part, and sends no parameters
    no_merges,         ///< merges, and sends nothing of that
    no_reports,        ///< never says that it has merged
    false_progress,    ///< always says that it has just received something, and reports nothing
    false_blame,       ///< says of others that nothing comes from them
    deaf,              ///< asks for no segments
    old_frames,        ///< sends again what it sent before
    command_flood,     ///< says each of its commands many times, and check-ins of rounds to come
};
constexpr int lie_count = 13;
std::string_view to_string(Lie lie);

/// Some kinds of lies, which go on over all starts of the member.
class HostileMember {
public:
    HostileMember(std::uint64_t seed, NodeId id, std::vector<NodeId> others, std::set<Lie> lies);

    /// Its SL, whose effects it changes, leaves out and adds to.
    std::unique_ptr<Node> wrap(std::unique_ptr<Node> sl, std::shared_ptr<const NodeSigner> signer);
    const NodeId& id() const { return id_; }

    void change(Effect& effect, const NodeSigner& signer, std::vector<Effect>& more);

private:
    bool tells(Lie lie) const { return begun_ && lies_.contains(lie); }
    void change_segment(const SegmentData& data, Effect& effect);
    void change_beat(Heartbeat& beat, const NodeSigner& signer);
    void add_frames(const Send& send, std::vector<Effect>& more);

    NodeId id_;
    std::vector<NodeId> others_;
    std::set<Lie> lies_;
    Random random_;
    bool begun_ = false;  ///< round 0 is over: there is something to harm
    std::uint64_t claimed_ = 0;
    std::deque<Send> sent_;  ///< the newest frames, for old_frames
};

}  // namespace starling::test
