#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "core/merge/plan.hpp"
#include "core/node/node.hpp"

namespace starling {

/// How many members an owner lets send to it at once: a bound on what arrives together, the same in
/// a simulation and on hosts.
constexpr std::size_t fan_in_window = 64;

struct ExchangeSetup {
    NodeId self;
    RoundKey key;
    std::vector<RoundMember> members;  ///< ascending by id; `self` is one of them
    std::shared_ptr<const ParamLayout> layout;
    MergeRule rule = MergeRule::mean;
    Segments own;                 ///< this member's parameters
    bool in_order = true;         ///< see SlNodeOptions::merge_in_order
    std::uint64_t work_base = 0;  ///< merge of segment s is work number work_base + s
};

/// One attempt at a round, seen by one member: which segments it has, still needs and owes.
/// Everything is asked for by the side that needs it, so a connection that was cut goes on where it
/// stopped.
class Exchange {
public:
    explicit Exchange(ExchangeSetup setup);

    const RoundKey& key() const { return setup_.key; }
    /// The members this one trades with: everyone if it owns a segment, else the owners.
    const std::vector<RoundMember>& partners() const { return partners_; }

    /// Asks what is missing of every partner that is up.
    void start(SwarmTime now, const std::set<NodeId>& up, std::vector<Effect>& effects);
    void on_peer_up(SwarmTime now, const NodeId& peer, std::vector<Effect>& effects);
    void on_peer_lost(const NodeId& peer);
    /// \pre fetch.key == key()
    void on_fetch(const NodeId& from, const FetchSegments& fetch, std::vector<Effect>& effects);
    /// Takes a segment, or says why not (wrong sender, index or size): such a one is dropped.
    Result<void> on_segment(SwarmTime now, const NodeId& from, const SegmentData& data, Blob body,
                            std::vector<Effect>& effects);
    void on_merged(const MergeResult& result, std::vector<Effect>& effects);
    /// Asks again where nothing came for too long.
    void on_tick(SwarmTime now, std::vector<Effect>& effects);

    /// Partners that owe something and brought nothing for `limit`, whatever the reason.
    /// \param refused_by  partners that will not be talked to: waited for 5 s at most.
    std::vector<Stall> stalls(SwarmTime now, SwarmDuration limit,
                              const std::set<NodeId>& refused_by) const;

    bool complete() const { return merged_count_ == merged_.size(); }
    const Segments& merged() const { return merged_; }
    /// Segments taken and merged so far; never falls.
    std::uint64_t progress() const { return progress_; }

    struct Traffic {
        std::uint64_t sent_bytes = 0;      ///< bodies handed to the transport
        std::uint64_t received_bytes = 0;  ///< bodies taken
    };
    const Traffic& traffic() const { return traffic_; }

private:
    struct Partner {
        std::set<std::uint32_t> contributions;  ///< still needed of it, for segments owned here
        std::set<std::uint32_t> merged;         ///< still needed of it, which it owns
        std::set<std::uint32_t> owed;           ///< merged segments it has asked for, not there yet
        bool up = false;
        bool admitted = false;  ///< may send its contributions: within the window
        SwarmTime last_news{};
        SwarmTime last_arrival{};  ///< or when the waiting began
        SwarmDuration patience{};
    };
    struct Assembly {
        std::vector<Blob> contributions;     ///< one for each contributor, in order
        std::vector<std::uint32_t> weights;  ///< of each
        std::size_t present = 0;
    };

    bool owned(std::uint32_t segment) const { return plan_.owner_of[segment] == self_; }
    void admit(SwarmTime now, std::vector<Effect>& effects);
    void ask(SwarmTime now, const NodeId& peer, Partner& partner,
             std::vector<Effect>& effects) const;
    void send_fetch(const NodeId& to, SegmentKind kind, const std::set<std::uint32_t>& missing,
                    std::vector<Effect>& effects) const;
    void send_segment(const NodeId& to, SegmentKind kind, std::uint32_t segment, const Blob& body,
                      std::vector<Effect>& effects);
    void contribute(std::uint32_t segment, std::size_t contributor, Blob body,
                    std::vector<Effect>& effects);
    void keep_merged(std::uint32_t segment, const Blob& body);

    ExchangeSetup setup_;
    MergePlan plan_;
    std::uint32_t self_ = 0;                   ///< index of this member
    std::vector<std::uint32_t> contributors_;  ///< indices of members with weight, ascending
    std::vector<std::uint32_t> weights_;       ///< of the contributors
    std::vector<RoundMember> partners_;
    std::map<NodeId, Partner> states_;
    std::map<std::uint32_t, Assembly> assemblies_;  ///< of owned segments not merged yet
    Segments merged_;
    std::vector<bool> have_merged_;
    std::size_t merged_count_ = 0;
    std::uint64_t progress_ = 0;
    Traffic traffic_;
};

}  // namespace starling
