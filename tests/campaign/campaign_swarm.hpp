#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/campaign/campaign_options.hpp"
#include "tests/campaign/campaign_program.hpp"
#include "tests/campaign/campaign_trace.hpp"
#include "transport/memory/memory_network.hpp"

namespace starling::test {

/// SNs, pairs of SL and ML, and readers on the memory network, with what an operator does: nodes
/// that have ended or were killed are started again, an SN is taken out or gets an empty disk.
class CampaignSwarm {
public:
    CampaignSwarm(std::uint64_t seed, const CampaignOptions& options);

    /// Everything starts, within two seconds.
    void start();
    void crash(const NodeId& node);
    /// Starts what has crashed or stopped, at this time; SL and ML of a pair together.
    void restart_at(SwarmTime time, const NodeId& node);
    void crash_pair(int pair, SwarmTime back);
    void crash_sn(int sn, SwarmTime back);
    /// Started again with an empty disk: it joins as a new one. False where it must not be now,
    /// since another one is not a full member yet. \param leave  it leaves first.
    bool replace_sn(int sn, bool leave, SwarmTime back);
    /// Everything that is down comes back at once and all stays well.
    void heal();
    /// No training is begun that would not be the last.
    void wind_down() { training_.winding_down = true; }

    bool all_have_synced_since(SwarmTime time) const;
    bool all_ended() const;
    /// Two members never reach each other from now on; the others must go on without one of them.
    /// False where all are needed.
    bool block_two_members();
    int leader() const;  ///< number of the SN that led last; 0: none yet

    const std::vector<NodeId>& sns() const { return sns_; }
    const std::vector<NodeId>& sls() const { return sls_; }
    const std::vector<NodeId>& mls() const { return mls_; }
    MemoryStore& sn_store(int sn) { return *sn_stores_[static_cast<std::size_t>(sn - 1)]; }
    MemoryStore& sl_store(int pair) { return *sl_stores_[static_cast<std::size_t>(pair - 1)]; }
    std::uint64_t crashes() const { return crashes_; }

    CampaignTrace trace;
    MemoryNetwork network;
    Random random;  ///< of the schedule

private:
    void add_sn(int number);
    void add_pair(int number);
    void add_reader(int number);
    std::unique_ptr<Node> make_sn(int number);
    std::unique_ptr<Node> make_sl(int number);
    std::uint64_t fresh_session() { return ++sessions_; }
    /// Looks after nodes that have ended by themselves.
    void supervise();
    void start_again(const NodeId& node);
    bool is_voter(int sn) const;
    void empty_disk(std::size_t sn);
    bool up(const NodeId& node) const {
        return down_.count(node) == 0 && !network.stopped(node).has_value();
    }

    CampaignOptions options_;
    CampaignTraining training_;
    std::vector<Address> sn_addresses_;
    std::vector<NodeId> sns_;
    std::vector<NodeId> sls_;
    std::vector<NodeId> mls_;
    std::vector<std::unique_ptr<MemoryStore>> sn_stores_;
    std::vector<std::unique_ptr<MemoryStore>> sl_stores_;
    std::vector<std::size_t> sentinels_;  ///< of each SN, the index of another
    std::set<NodeId> down_;               ///< crashed, and not started again yet
    std::set<std::size_t> leaving_;       ///< SNs that are about to leave, by index
    std::uint64_t sessions_ = 0;
    std::uint64_t crashes_ = 0;
    bool founded_ = false;
    bool calm_ = false;  ///< nothing fails any more
};

}  // namespace starling::test
