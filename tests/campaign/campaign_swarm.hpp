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

/// SNs, pairs of SL and ML, and readers on the memory network, with the actions of an operator:
/// nodes that have ended or were killed are restarted, an SN is removed or loses its disk, a
/// workspace is copied.
class CampaignSwarm {
public:
    CampaignSwarm(std::uint64_t seed, const CampaignOptions& options);

    /// Starts all nodes, within two seconds.
    void start();
    void crash(const NodeId& process);
    /// Restarts a process that is down, at this time; SL and ML of a pair together.
    void restart_at(SwarmTime time, const NodeId& process);
    void crash_pair(int pair, SwarmTime back);
    void crash_sn(int sn, SwarmTime back);
    /// Restarts everything that is down, and ends all faults.
    void heal();
    /// From now on, programs train only their last part.
    void wind_down();

    // Membership changes: campaign_servers.cpp. Restarts an SN with an empty disk, so that it joins
    // as a new server. False if not possible now, since another SN is not a voter yet. \param leave
    // it leaves the ledger first.
    bool replace_sn(int sn, bool leave, SwarmTime back);
    struct RemovalPlan {
        bool dead = false;                   ///< whether it has crashed for good
        std::optional<SwarmDuration> back;   ///< when it is restarted with its old disk, if so
        std::optional<SwarmDuration> joins;  ///< when it is restarted with an empty disk, if so
    };
    /// An administrator removes it, as `swci remove server` does. False if not possible now.
    bool remove_sn(int sn, const RemovalPlan& plan);
    /// Copies the disk of an SN and starts the copy beside it. The copy must detect that and stop.
    bool copy_sn(int sn);
    void fail_sn_disk(int sn);
    bool serves(int sn) const { return servers_[index(sn)].removal.state == Removal::State::none; }

    // Copied workspaces: campaign_copies.cpp. Each pair has two places where it can run. Copies the
    // disks of SL and ML to the other place as they are, and starts a pair there while this one
    // runs. False if not possible now.
    bool copy_pair(int pair);
    /// Starts the pair at the other place, with what its disks hold. \param kill  kills the newest
    /// one for good before.
    void start_other_place(int pair, bool kill, SwarmDuration pause);

    bool all_have_synced_since(SwarmTime time) const;
    bool all_ended() const;
    /// Reports each process to the trace that still runs though it was replaced.
    void report_replaced_processes();
    /// Two members can't reach each other from now on; the swarm must continue. False if all
    /// members are needed.
    bool block_two_members();
    int leader() const;  ///< number of the SN that led last; 0: none yet

    const std::vector<NodeId>& sns() const { return sns_; }
    /// Processes of the pairs; of copied pairs the newest ones.
    const std::vector<NodeId>& sls() const { return sls_; }
    const std::vector<NodeId>& mls() const { return mls_; }
    MemoryStore& sl_store(int pair) { return pairs_[index(pair)].newest().sl_store; }
    MemoryStore& ml_store(int pair) { return pairs_[index(pair)].newest().ml_store; }
    /// The lies of the hostile member and the hostile SN; empty if there are none.
    const std::string& lies() const { return hostile_.lies; }
    /// The contract lets a round be committed before any disk has its model, or the operator has
    /// gone back to older disks of the members that had the newest one.
    bool may_lose_models() const {
        return training_.durable == Durability::none || older_disks_lost_the_model();
    }
    std::size_t model_bytes() const { return training_.elements * sizeof(float); }
    bool has_hostile_member() const { return hostile_.member != nullptr; }
    bool has_false_views() const {
        return hostile_.server != nullptr && hostile_.server->tells(ServerLie::false_views);
    }
    std::uint64_t crashes() const { return counts_.crashes; }
    std::uint64_t copies() const { return counts_.copies; }
    std::uint64_t removals() const { return counts_.removals; }

    CampaignTrace trace;
    MemoryNetwork network;
    Random random;  ///< of the fault schedule

private:
    /// A place where a pair can run: a host with its disks.
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
        std::size_t at = 0;    ///< the place of its newest start
        SwarmTime moved_at{};  ///< when it was started there in place of the other one

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
        bool requested = false;  ///< whether its removal was ever requested
    };
    struct SnCopy {
        NodeId process;
        MemoryStore store;
        bool runs = false;
    };
    /// State of an SN that outlives its processes.
    struct Sn {
        MemoryStore store;
        std::size_t sentinel = 0;  ///< index of another SN
        bool leaving = false;      ///< about to leave
        Removal removal;
        SnCopy copy;
    };
    /// The hostile nodes: none, one of them, or both.
    struct Hostile {
        std::unique_ptr<HostileMember> member;  ///< the last pair's SL, in all its sessions
        std::unique_ptr<HostileServer> server;  ///< the last SN, in all its sessions
        std::string lies;                       ///< description of their lies
    };
    struct Counts {  ///< of faults so far
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
    /// \param store  its disk; it must outlive the node.
    SnNodeOptions sn_options(int number, const MemoryStore& store);
    std::unique_ptr<Node> make_sl(const Pair& pair, Place& place);
    std::uint64_t fresh_session() { return ++sessions_; }
    /// Restarts nodes that have ended by themselves.
    void supervise();
    void supervise_sns();
    void supervise_pairs();
    void supervise_copies();
    void supervise_removals();
    void end_run_without_model();
    bool an_honest_disk_has(const std::string& digest) const;
    bool older_disks_lost_the_model() const;
    void restart_process(const NodeId& process);
    /// True for a replaced process that still runs and for a removed SN: neither is restarted.
    bool is_left_alone(const NodeId& process) const;
    bool all_vote() const;
    void empty_disk(std::size_t sn);
    int removed_sns() const;
    void request_removal(std::size_t sn);
    void on_removed(std::size_t sn);
    void return_at(SwarmDuration pause, std::size_t sn, bool anew);
    std::size_t sentinel_of(std::size_t sn) const;
    void move_to_other_place(Pair& pair);
    /// Processes that should have ended by now, and why.
    std::map<NodeId, std::string_view> still_running() const;
    void unexpected(const NodeId& process, const std::string& why);
    void draw_compression(std::uint64_t seed);
    void add_hostile_nodes(std::uint64_t seed);
    void add_lies(std::uint64_t seed, std::set<Lie>& lies);
    void add_server_lies(std::uint64_t seed, std::set<ServerLie>& lies);
    void start_late(int pair);
    bool is_hostile(int pair) const { return hostile_.member != nullptr && pair == options_.pairs; }
    /// A hostile SN that repeats old messages about itself may remove its own successor.
    bool is_hostile_sn(std::size_t sn) const {
        return hostile_.server != nullptr && sn + 1 == sns_.size();
    }
    bool up(const NodeId& process) const {
        return down_.count(process) == 0 && !network.stopped(process).has_value();
    }

    CampaignOptions options_;
    struct AllServers {
        bool snapshots = false;  ///< SNs make some, and start from them
        SnNodeOptions::Parts parts;
    };
    AllServers all_servers_;
    CampaignTraining training_;
    std::vector<Address> sn_addresses_;
    std::vector<NodeId> sns_;
    std::vector<NodeId> sls_;
    std::vector<NodeId> mls_;
    Hostile hostile_;
    std::deque<Sn> servers_;      ///< the network refers to their stores
    std::deque<Pair> pairs_;      ///< the network refers to their addresses
    std::set<NodeId> down_;       ///< crashed, and not restarted yet
    std::uint64_t sessions_ = 0;  ///< number of sessions given out
    std::uint64_t tools_ = 0;     ///< number of tools started
    Counts counts_;
    std::optional<std::pair<int, SwarmDuration>> latecomer_;  ///< pair, and when it starts
    bool ledger_created_ = false;
    bool healed_ = false;  ///< no more faults
};

}  // namespace starling::test
