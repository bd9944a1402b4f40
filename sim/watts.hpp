#pragma once

#include <map>
#include <string>

#include "core/base/result.hpp"
#include "sim/sim_engine.hpp"

namespace starling {

/// Of a host, from its properties `wattage_per_state` and `wattage_off`, as SimGrid's plugin
/// host_energy defines them.
struct HostWatts {
    double idle = 0.0;
    double working = 0.0;    ///< something runs, at next to no load ("epsilon")
    double all_cores = 0.0;  ///< all cores compute
    double off = 0.0;
};

/// Of one direction of a link, from `wattage_range`, as in SimGrid's plugin link_energy.
struct LinkWatts {
    double idle = 0.0;
    double busy = 0.0;  ///< as much payload as its bandwidth allows
};

/// What hosts and links of a platform consume.
class PlatformWatts {
public:
    /// Errc::usage names the host or link whose watts can't be understood.
    /// \param text  of the platform file: SimGrid 3.32 keeps no properties of split-duplex links.
    ///     A cluster's `wattage_range` is that of each link of its hosts.
    static Result<PlatformWatts> read(const SimEngine& engine, const std::string& text);

    bool any() const { return !hosts_.empty() || !links_.empty() || !clusters_.empty(); }
    /// Null: the platform does not say.
    const HostWatts* host(HostIndex host) const;
    /// \param name  of a link, as SimGrid has it: each direction of a split-duplex one is a link.
    const LinkWatts* link(const std::string& name) const;

private:
    std::map<HostIndex, HostWatts> hosts_;
    std::map<std::string, LinkWatts> links_;
    std::map<std::string, LinkWatts> clusters_;  ///< by the cluster's id
};

}  // namespace starling
