#include "sim/sim_machines.hpp"

#include <algorithm>

namespace starling {

SimMachines::SimMachines(SimEngine& engine, std::optional<double> cores_shared, double spread,
                         std::uint64_t seed)
    : engine_(engine),
      cores_shared_(cores_shared),
      variation_{spread, Random(derive_seed(seed, "duration of work"))} {}

std::string SimMachines::name_of(HostIndex host) const {
    const std::optional<std::string> shared = engine_.host_property(host, "machine");
    return cores_shared_ ? std::string("this machine")
           : shared      ? "machine " + *shared
                         : engine_.host_name(host);
}

bool SimMachines::shares(HostIndex host) const {
    return cores_shared_.has_value() || engine_.host_property(host, "machine").has_value();
}

SimMachine* SimMachines::find(HostIndex host) const {
    if (host < by_host_.size() && by_host_[host] != nullptr) {
        return by_host_[host];
    }
    const auto found = shares(host) ? shared_.find(name_of(host)) : shared_.end();
    return found == shared_.end() ? nullptr : found->second;
}

SimCpu::Use SimMachines::load(HostIndex host) const {
    SimMachine* const machine = find(host);
    return machine == nullptr ? SimCpu::Use{} : machine->cores.use();
}

SimHost SimMachines::host(HostIndex host) {
    SimMachine* machine = find(host);
    if (machine == nullptr) {
        machines_.push_back(std::make_unique<SimMachine>(
            engine_, cores_shared_.value_or(engine_.host_cores(host)), name_of(host), variation_));
        machine = machines_.back().get();
        if (shares(host)) {
            shared_.emplace(machine->name, machine);
        }
    }
    by_host_.resize(std::max<std::size_t>(by_host_.size(), host + 1));
    by_host_[host] = machine;
    return {*machine, engine_.host_flops_per_second(host) / 1e9};
}

}  // namespace starling
