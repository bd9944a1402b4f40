#pragma once

#include "tests/campaign/campaign_swarm.hpp"

namespace starling::test {

/// Injects faults, about one a second of virtual time, until `end`, all drawn from the swarm's
/// random numbers.
class FaultSchedule {
public:
    FaultSchedule(CampaignSwarm& swarm, bool membership, SwarmTime end)
        : swarm_(swarm), membership_(membership), end_(end) {}

    void begin(SwarmTime first);
    std::uint64_t count() const { return count_; }

private:
    void next();
    void one();
    void bad_network();
    void partition();
    void one_way();
    void crash_some_node();
    void power_cut();
    void disk_error();
    void change_servers();

    SwarmDuration within(int least_ms, int most_ms);
    int some_sn();
    int some_pair();
    /// Ends this kind of fault after `duration`, unless another one of its kind has begun since.
    void after(SwarmDuration duration, std::uint64_t& serial, void (FaultSchedule::*undo)());
    void good_network();
    void whole_network();

    CampaignSwarm& swarm_;
    bool membership_;
    SwarmTime end_;
    std::uint64_t count_ = 0;
    std::uint64_t network_serial_ = 0;
    std::uint64_t partition_serial_ = 0;
};

}  // namespace starling::test
