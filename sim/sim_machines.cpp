#include "sim/sim_machines.hpp"

namespace starling {

SimMachines::SimMachines(SimEngine& engine, std::optional<double> cores_shared, double spread,
                         std::uint64_t seed)
    : engine_(engine),
      cores_shared_(cores_shared),
      spread_(spread),
      random_(derive_seed(seed, "duration of work")) {}

std::string SimMachines::name_of(HostIndex host) const {
    const std::optional<std::string> shared = engine_.host_property(host, "machine");
    return cores_shared_ ? std::string("this machine")
           : shared      ? "machine " + *shared
                         : engine_.host_name(host);
}

bool SimMachines::shares(HostIndex host) const {
    return cores_shared_.has_value() || engine_.host_property(host, "machine").has_value();
}

SimCpu::Use SimMachines::load(HostIndex host) const {
    const auto found = by_name_.find(name_of(host));
    return found == by_name_.end() ? SimCpu::Use{} : found->second->cores.use();
}

SimHost SimMachines::host(HostIndex host) {
    std::string name = name_of(host);
    auto found = by_name_.find(name);
    if (found == by_name_.end()) {
        machines_.push_back(std::make_unique<SimMachine>(
            engine_, cores_shared_.value_or(engine_.host_cores(host)), std::move(name)));
        SimMachine& machine = *machines_.back();
        found = by_name_.emplace(machine.name, &machine).first;
    }
    return {*found->second, engine_.host_flops_per_second(host) / 1e9, spread_, random_};
}

}  // namespace starling
