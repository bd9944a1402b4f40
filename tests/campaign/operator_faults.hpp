#pragma once

#include "tests/campaign/campaign_swarm.hpp"

namespace starling::test {

/// Faults caused by operators, beside those of FaultSchedule, about every four seconds of virtual
/// time: workspaces of SLs, MLs and SNs are copied and started twice, SNs are removed by an
/// administrator, disks of MLs are full. Drawn from random numbers of its own.
class OperatorFaults {
public:
    OperatorFaults(CampaignSwarm& swarm, std::uint64_t seed, SwarmTime end)
        : swarm_(swarm), random_(derive_seed(seed, "operator")), end_(end) {}

    void begin(SwarmTime first);
    std::uint64_t count() const { return copies_ + removals_ + full_disks_; }
    std::uint64_t full_disks() const { return full_disks_; }

private:
    void next();
    void one();
    void copy_pair();
    void copy_sn();
    void remove_sn();
    void fill_ml_disk();
    SwarmDuration within(int least_ms, int most_ms);
    int some_sn();
    int some_pair();

    CampaignSwarm& swarm_;
    Random random_;
    SwarmTime end_;
    std::uint64_t copies_ = 0;
    std::uint64_t removals_ = 0;
    std::uint64_t full_disks_ = 0;
};

}  // namespace starling::test
