#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/ledger/signature.hpp"
#include "core/node/node.hpp"

namespace starling::test {

/// What a malicious SN with a vote may do to the others; its own log stays valid. All frames are
/// well-formed.
enum class ServerLie : std::uint8_t {
    no_votes,           ///< does not answer candidates
    no_acks,            ///< acknowledges no records
    old_messages,       ///< resends messages that it sent to other SNs before
    raised_terms,       ///< claims a later term now and then
    leaving_others,     ///< claims that other SNs want to leave
    false_removals,     ///< tells other SNs that they were removed
    forged_commands,    ///< forwards commands in the names of SLs, with its own signature
    lost_members,       ///< claims that SLs have lost their connections
    wrong_checkpoints,  ///< signs heads that its ledger never had
    false_refusals,     ///< tells other SNs that commands of their SLs are refused
    question_flood,     ///< asks every SN for the read index again and again
    false_state,        ///< offers SNs that join another state, and sends other bytes and records
    // In addition, see CampaignSwarm::add_hostile_nodes().
    refused_starts,  ///< refuses its SLs' registrations and enrolments
    false_ends,      ///< tells its SLs that they were expelled or replaced, or that the run is over
    false_oks,       ///< accepts its SLs' commands and does not send them on
    false_views,     ///< tells its SLs of rounds, members and models that are not so
};
constexpr int server_lie_count = 12;  ///< of those that are drawn in every seed
/// How the text ends that it tells SLs falsely.
constexpr std::string_view says_the_hostile_sn = ", the hostile SN says";
std::string_view to_string(ServerLie lie);

/// Some kinds of lies, kept over all sessions of the SN.
class HostileServer {
public:
    HostileServer(std::uint64_t seed, NodeId id, std::vector<NodeId> others,
                  std::set<ServerLie> lies);

    /// Wraps the SN: changes, drops and adds effects.
    std::unique_ptr<Node> wrap(std::unique_ptr<Node> sn, std::shared_ptr<const NodeSigner> signer);
    const NodeId& id() const { return id_; }
    bool tells(ServerLie lie) const { return lies_.contains(lie); }

    void change(Effect& effect, const NodeSigner& signer, std::vector<Effect>& more);

    /// Called before it accepts a command of that SL that it keeps to itself.
    std::function<void(const NodeId& sl, const SubmitCommand& command)> on_false_ok;

private:
    bool is_other(const NodeId& node) const;
    void change_consensus(const Send& send, const ConsensusMessage& message, Effect& effect,
                          std::vector<Effect>& more);
    void change_state(Frame& frame);
    /// \return true: the leader does not get the command, and its SL gets a false answer.
    bool answers_itself(const RelayedCommand& relayed, std::vector<Effect>& more);
    void end_sl(Effect& effect);
    void make_up_view(Effect& effect);
    void make_up(ContractView& view);
    void change_command(RelayedCommand& relayed, const NodeId& to, const NodeSigner& signer,
                        std::vector<Effect>& more);
    void add_frames(const Send& send, std::vector<Effect>& more);

    NodeId id_;
    std::vector<NodeId> others_;
    std::set<ServerLie> lies_;
    Random random_;
    std::uint64_t serial_ = 0;
    std::deque<Send> sent_;  ///< the newest messages to SNs, for old_messages
    std::map<NodeId, std::pair<std::uint64_t, std::uint64_t>> commands_;  ///< the newest of each SL
    std::map<NodeId, ContractView> views_;                                ///< the newest of each SL
    std::map<NodeId, ContractView> made_up_;  ///< which it is told again and again
};

}  // namespace starling::test
