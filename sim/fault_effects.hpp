#pragma once

#include <cstdint>
#include <set>

#include "core/base/random.hpp"
#include "sim/fault.hpp"
#include "sim/sim_machines.hpp"
#include "transport/memory/memory_store.hpp"

namespace starling {

/// What faults do to links, disks and the power of hosts.
class FaultEffects {
public:
    FaultEffects(SimEngine& engine, SimMachines& machines, const Calibration& calibration,
                 std::uint64_t seed);
    FaultEffects(const FaultEffects&) = delete;
    FaultEffects& operator=(const FaultEffects&) = delete;

    /// A fault of a link or disk begins, or one with a duration ends. The engine reports changes of
    /// links and hosts that go up or down itself.
    /// \return  whether nobody else reports it.  \pre the platform has the fault's target
    bool change(const Fault& fault, bool begins);
    /// How long a write of the ledger takes on that host from now on.
    SwarmDuration write_duration(HostIndex host);

    /// The host will go off for want of power.
    void cut_power(HostIndex host) { without_power_.insert(host); }
    void power_is_back(HostIndex host) { without_power_.erase(host); }
    /// A node on the host is killed: its store loses what was not durable if the power was cut.
    /// \param writing  a write of its ledger is under way
    void killed(HostIndex host, MemoryStore& store, bool writing);

    std::uint64_t pending = 0;           ///< faults that will begin or end
    std::uint64_t pending_restarts = 0;  ///< of these, such that start nodes

private:
    SimEngine& engine_;
    SimMachines& machines_;
    const Calibration& calibration_;
    std::set<HostIndex> without_power_;
    Random random_;
};

}  // namespace starling
