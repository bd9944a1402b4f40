#pragma once

#include <string>
#include <vector>

#include "sim/sim_engine.hpp"
#include "sim/sim_machines.hpp"
#include "sim/sim_network.hpp"

namespace starling {

struct MachineUse {
    std::string name;
    double cores = 0.0;
    double cpu_seconds = 0.0;   ///< of all cores together
    double disk_seconds = 0.0;  ///< during which the disk was busy
};

/// One direction of a link.
struct LinkUse {
    std::string name;
    std::uint64_t bytes = 0;        ///< TCP payload that was sent over it, delivered or not
    double bytes_per_second = 0.0;  ///< TCP payload that it can carry
    double busy_seconds() const { return static_cast<double>(bytes) / bytes_per_second; }
};

/// What a run took of machines and links.
struct ResourceUse {
    std::vector<MachineUse> machines;  ///< on which anything ran
    std::vector<LinkUse> links;        ///< the busiest ones between hosts, the busiest first
};

/// Links between hosts over which anything was sent, the busiest first.
std::vector<LinkUse> link_use(const SimEngine& engine, const SimNetwork& network);

/// \param links  as of link_use(); the first hundred are kept
ResourceUse resource_use(const SimMachines& machines, std::vector<LinkUse> links);

}  // namespace starling
