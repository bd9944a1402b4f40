#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/sn/sn_node.hpp"
#include "tests/campaign/campaign_options.hpp"
#include "tests/campaign/campaign_program.hpp"
#include "tests/campaign/campaign_trace.hpp"
#include "tests/campaign/hostile_member.hpp"
#include "tests/campaign/hostile_server.hpp"
#include "transport/memory/memory_network.hpp"

namespace starling::test {

/// SNs, pairs of SL and ML, and readers on the memory network, with what an operator does: nodes
/// that have ended or were killed are started again, an SN is taken out or gets an empty disk, a
/// workspace is copied.
class CampaignSwarm {
public:
    CampaignSwarm(std::uint64_t seed, const CampaignOptions& options);

    /// Everything starts, within two seconds.
    void start();
    void crash(const NodeId& process);
    /// Starts what has crashed or stopped, at this time; SL and ML of a pair together.
    void restart_at(SwarmTime time, const NodeId& process);
    void crash_pair(int pair, SwarmTime back);
    void crash_sn(int sn, SwarmTime back);
    /// Everything that is down comes back at once and all stays well.
    void heal();
    /// No training is begun that would not be the last.
    void wind_down();

    // Servers come and go: campaign_servers.cpp.
    /// Started again with an empty disk: it joins as a new one. False where it must not be now,
    /// since another one is not a full member yet. \param leave  it leaves first.
    bool replace_sn(int sn, bool leave, SwarmTime back);
    struct RemovalPlan {
        bool dead = false;                   ///< it crashes for good before
        std::optional<SwarmDuration> back;   ///< then it is started again with its old disk
        std::optional<SwarmDuration> joins;  ///< then it begins anew, with an empty disk
    };
    /// An administrator takes it out, as `swci remove server` does. False where that can't be now.
    bool remove_sn(int sn, const RemovalPlan& plan);
    /// The disk of an SN is copied, and the copy started beside it. It must find that out and end.
    bool copy_sn(int sn);
    void fail_sn_disk(int sn);
    bool serves(int sn) const { return servers_[index(sn)].removal.state == Removal::State::none; }

    // Copied workspaces: campaign_copies.cpp. Each pair has two places where it can run.
    /// The disks of SL and ML are copied to the other place as they are, and a pair is started
    /// there while this one runs. False where it can't be now.
    bool copy_pair(int pair);
    /// The other place's pair is started, with what its disks hold. \param kill  the one that was
    /// started last is killed for good before.
    void start_other_place(int pair, bool kill, SwarmDuration pause);

    bool all_have_synced_since(SwarmTime time) const;
    bool all_ended() const;
    /// Tells the trace of each process that runs though another one has its place.
    void tell_what_still_runs();
    /// Two members never reach each other from now on; the swarm must go on.
    /// False where all are needed.
    bool block_two_members();
    int leader() const;  ///< number of the SN that led last; 0: none yet

    const std::vector<NodeId>& sns() const { return sns_; }
    /// Processes of the pairs; of those that were started twice the newest ones.
    const std::vector<NodeId>& sls() const { return sls_; }
    const std::vector<NodeId>& mls() const { return mls_; }
    MemoryStore& sl_store(int pair) { return pairs_[index(pair)].newest().sl_store; }
    MemoryStore& ml_store(int pair) { return pairs_[index(pair)].newest().ml_store; }
    /// What the hostile member and the hostile SN do; empty: there are none.
    const std::string& lies() const { return hostile_.lies; }
    bool has_hostile_member() const { return hostile_.member != nullptr; }
    std::uint64_t crashes() const { return counts_.crashes; }
    std::uint64_t copies() const { return counts_.copies; }
    std::uint64_t removals() const { return counts_.removals; }

    CampaignTrace trace;
    MemoryNetwork network;
    Random random;  ///< of the schedule

private:
    /// Where a pair can run: a host with its disks.
    struct Place {
        NodeId sl;
        NodeId ml;
        std::string host;
        Address exchange;
        MemoryStore sl_store;
        MemoryStore ml_store;
        std::uint64_t session = 0;  ///< of its SL's newest start
        bool used = false;
    };
    struct Pair {
        int number = 0;
        EndMode end_mode = EndMode::active;
        std::uint32_t weight = 1;
        std::array<Place, 2> places;
        std::size_t at = 0;  ///< the place of its newest start

        Place& newest() { return places[at]; }
        const Place& newest() const { return places[at]; }
        Place& other() { return places[1 - at]; }
        const Place& other() const { return places[1 - at]; }
    };
    struct Removal {
        enum class State : std::uint8_t { none, asked, done };
        State state = State::none;
        RemovalPlan plan;
        NodeId tool;
        SwarmTime since{};
        bool ever = false;  ///< somebody has asked for it once
    };
    struct SnCopy {
        NodeId process;
        MemoryStore store;
        bool runs = false;
    };
    /// What there is for each SN, whichever of its starts runs.
    struct Sn {
        MemoryStore store;
        std::size_t sentinel = 0;  ///< index of another one
        bool leaving = false;      ///< about to leave
        Removal removal;
        SnCopy copy;
    };
    /// None, or one of them, or both.
    struct Hostile {
        std::unique_ptr<HostileMember> member;  ///< the last pair's SL, over all its starts
        std::unique_ptr<HostileServer> server;  ///< the last SN, over all its starts
        std::string lies;                       ///< what they do
    };
    struct Counts {  ///< of what has been done so far
        std::uint64_t crashes = 0;
        std::uint64_t copies = 0;
        std::uint64_t removals = 0;
    };

    static std::size_t index(int number) { return static_cast<std::size_t>(number - 1); }
    void add_sn(int number);
    void add_pair(int number);
    void add_reader(int number);
    void add_place(Pair& pair, Place& place);
    std::unique_ptr<Node> make_sn(int number);
    SnNodeOptions sn_options(int number);
    std::unique_ptr<Node> make_sl(const Pair& pair, Place& place);
    std::uint64_t fresh_session() { return ++sessions_; }
    /// Looks after nodes that have ended by themselves.
    void supervise();
    void look_after_sns();
    void look_after_pairs();
    void look_after_copies();
    void look_after_removals();
    void start_again(const NodeId& process);
    /// An older start that lives on, or a server that was removed: nobody starts it again.
    bool is_left_alone(const NodeId& process) const;
    bool is_voter(int sn) const;
    bool all_vote() const;
    void empty_disk(std::size_t sn);
    void ask_to_remove(std::size_t sn);
    void on_removed(std::size_t sn);
    void come_back_at(SwarmDuration pause, std::size_t sn, bool anew);
    std::size_t sentinel_of(std::size_t sn) const;
    void go_to_other_place(Pair& pair);
    /// Processes that should have ended by now, and why.
    std::map<NodeId, std::string_view> still_running() const;
    void unexpected(const NodeId& process, const std::string& why);
    void add_hostile_nodes(std::uint64_t seed);
    bool is_hostile(int pair) const { return hostile_.member != nullptr && pair == options_.pairs; }
    /// What it says of itself again may take out its own later start.
    bool is_hostile_sn(std::size_t sn) const {
        return hostile_.server != nullptr && sn + 1 == sns_.size();
    }
    bool up(const NodeId& process) const {
        return down_.count(process) == 0 && !network.stopped(process).has_value();
    }

    CampaignOptions options_;
    CampaignTraining training_;
    std::vector<Address> sn_addresses_;
    std::vector<NodeId> sns_;
    std::vector<NodeId> sls_;
    std::vector<NodeId> mls_;
    Hostile hostile_;
    std::deque<Sn> servers_;      ///< whose stores the network keeps
    std::deque<Pair> pairs_;      ///< whose addresses the network keeps
    std::set<NodeId> down_;       ///< crashed, and not started again yet
    std::uint64_t sessions_ = 0;  ///< that were given to nodes
    std::uint64_t tools_ = 0;     ///< that have been started
    Counts counts_;
    bool founded_ = false;
    bool calm_ = false;  ///< nothing fails any more
};

}  // namespace starling::test
