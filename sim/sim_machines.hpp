#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.hpp"
#include "core/base/short_text.hpp"
#include "sim/calibration.hpp"
#include "sim/sim_cpu.hpp"

namespace starling {

/// How the durations of equal work differ.
struct WorkVariation {
    double spread = 0.0;  ///< the standard deviation of their logarithm
    Random random;        ///< what the factors are drawn from
};

/// What hosts compute and store on: cores and a disk. A host of the platform has its own, of as
/// many cores as it says; hosts with the same property `machine` share one, and so does everything
/// with `cores_shared`.
struct SimMachine {
    SimMachine(SimEngine& engine, double core_count, std::string its_name,
               WorkVariation& its_variation)
        : name(its_name), cores(engine, core_count), disk(engine, 1.0), variation(its_variation) {}

    ShortText name;  ///< of its property `machine`, or of its host
    SimCpu cores;
    SimCpu disk;
    WorkVariation& variation;    ///< outlives this
    double disk_slowness = 1.0;  ///< how much longer it takes than the calibration table says
};

/// A host's share of its machine.
class SimHost {
public:
    /// \param speed  of its cores; 1 is the reference machine of the calibration table.
    SimHost(SimMachine& machine, double speed) : machine_(&machine), speed_(speed) {}

    /// Runs `seconds` of the reference machine's CPU time, varied by the measured spread.
    [[nodiscard]] CpuTask compute(double seconds, std::function<void()> done) const {
        return machine_->cores.run(duration(seconds), std::move(done));
    }
    /// Seconds of waiting for the disk, varied likewise.
    [[nodiscard]] CpuTask store(double seconds, std::function<void()> done) const {
        return machine_->disk.run(duration(seconds * machine_->disk_slowness), std::move(done));
    }
    SimMachine& machine() const { return *machine_; }
    double speed() const { return speed_; }
    /// A factor for equal work, drawn anew at each call, of which the logarithm has this standard
    /// deviation, and the factor the mean 1.
    double vary(double spread) const {
        return spread > 0.0
                   ? std::exp(spread * machine_->variation.random.normal() - spread * spread / 2)
                   : 1.0;
    }
    /// A value of the distribution that has these evenly spaced quantiles, drawn anew at each call.
    /// \param quantiles  at least two, ascending; between two of them all values are as likely.
    double draw(const std::vector<double>& quantiles) const {
        const double place =
            machine_->variation.random.uniform() * static_cast<double>(quantiles.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        return quantiles[below] +
               (place - static_cast<double>(below)) * (quantiles[below + 1] - quantiles[below]);
    }

private:
    SwarmDuration duration(double seconds) const {
        return from_seconds(seconds / speed_ * vary(machine_->variation.spread));
    }

    SimMachine* machine_;
    double speed_;
};

class SimMachines {
public:
    /// \param cores_shared  all hosts are emulated by one machine of so many cores; none: see
    ///     SimMachine.
    /// \param spread  of the duration of equal work: the standard deviation of its logarithm.
    SimMachines(SimEngine& engine, std::optional<double> cores_shared, double spread,
                std::uint64_t seed);
    SimMachines(const SimMachines&) = delete;
    SimMachines& operator=(const SimMachines&) = delete;

    SimHost host(HostIndex host);
    /// Of its machine; nothing if nothing ran there.
    SimCpu::Use load(HostIndex host) const;
    /// Whether its machine is not its own: it says so, or all hosts share one.
    bool shares(HostIndex host) const;
    /// Those on which something ran, in the order of their first use.
    const std::vector<std::unique_ptr<SimMachine>>& used() const { return machines_; }

private:
    /// nullptr: nothing ran there.
    SimMachine* find(HostIndex host) const;
    /// Of a machine: a host's name can't be that of another host's machine by chance.
    std::string name_of(HostIndex host) const;

    SimEngine& engine_;
    std::optional<double> cores_shared_;
    WorkVariation variation_;
    std::vector<std::unique_ptr<SimMachine>> machines_;
    std::vector<SimMachine*> by_host_;                ///< nullptr: it was not asked for
    std::map<std::string_view, SimMachine*> shared_;  ///< by names
};

}  // namespace starling
