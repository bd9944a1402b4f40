#include "sim/fault_effects.hpp"

#include <optional>

namespace starling {

FaultEffects::FaultEffects(SimEngine& engine, SimMachines& machines, const Calibration& calibration,
                           std::uint64_t seed)
    : engine_(engine),
      machines_(machines),
      calibration_(calibration),
      random_(derive_seed(seed, "power cuts")) {}

bool FaultEffects::change(const Fault& fault, bool begins) {
    const std::optional<double> value = begins ? std::optional(fault.value) : std::nullopt;
    switch (fault.kind) {
        case Fault::Kind::cut:
        case Fault::Kind::heal:
            engine_.turn_link(fault.target, (fault.kind == Fault::Kind::heal) == begins);
            return false;
        case Fault::Kind::power:
            engine_.turn_host(*engine_.find_host(fault.target), !begins);
            return false;
        case Fault::Kind::bandwidth:
            engine_.set_link_bandwidth(fault.target, value);
            return true;
        case Fault::Kind::latency:
            engine_.set_link_latency(fault.target, value);
            return true;
        case Fault::Kind::loss:
            engine_.set_link_loss(fault.target, value.value_or(0.0));
            return true;
        case Fault::Kind::disk: {
            const SimHost host = machines_.host(*engine_.find_host(fault.target));
            const double usual = calibration_.disk_bytes_per_second * host.speed();
            host.machine().disk_slowness = value ? usual / *value : 1.0;
            return true;
        }
        case Fault::Kind::kill:
        case Fault::Kind::restart:
            break;
    }
    return false;
}

SwarmDuration FaultEffects::write_duration(HostIndex host) {
    const SimHost on = machines_.host(host);
    return from_seconds(calibration_.fsync_seconds * on.machine().disk_slowness / on.speed());
}

void FaultEffects::killed(HostIndex host, MemoryStore& store, bool writing) {
    if (without_power_.contains(host)) {
        store.crash(writing, random_);
    }
}

}  // namespace starling
