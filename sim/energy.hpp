#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/off_times.hpp"
#include "sim/resource_use.hpp"
#include "sim/watts.hpp"

namespace starling {

/// Energy of a run.
struct EnergyUse {
    /// Hosts whose names differ in the number at the end only: "phone" of phone-1, phone-2.
    struct Kind {
        std::string name;
        std::uint64_t hosts = 0;
        double joules = 0.0;
        double at_rest = 0.0;  ///< of the joules, what they would have used without work
    };
    std::vector<Kind> hosts;  ///< by name; hosts with a node and with watts
    Kind links;               ///< each direction over which a byte was sent, and that has watts
    std::string missing;      ///< why there are no figures; empty: there are

    Kind all_hosts() const;
};

/// The power of a host and of a link is that of SimGrid's plugins host_energy and link_energy; see
/// DECISIONS.md.
/// \param hosts  those with nodes. \param links  all that were used. \param end  of the run
EnergyUse energy_use(const PlatformWatts& watts, const SimEngine& engine,
                     const std::vector<HostIndex>& hosts, SimMachines& machines,
                     const OffTimes& off, const std::vector<LinkUse>& links, SwarmTime end);

/// Joules for a person: "812 J", "1.25 MJ".
std::string joules_text(double joules);

}  // namespace starling
