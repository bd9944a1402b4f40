#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "sim/platform_file.hpp"
#include "sim/run_meter.hpp"
#include "sim/sim_callback.hpp"

namespace starling {

/// A host of the platform: its place in the list of all hosts, sorted by name.
using HostIndex = std::uint32_t;

/// The route from one host to another.
struct SimRoute {
    SwarmDuration latency{0};  ///< one way
    /// TCP payload over the narrowest link (bandwidth factor applied).
    double bytes_per_second = 0.0;
    bool up = true;     ///< all its links are up
    double loss = 0.0;  ///< share of packets that do not arrive
};

/// A link of a route; each direction of a split-duplex link is one.
struct SimLink {
    std::string name;
    double bytes_per_second = 0.0;  ///< TCP payload
};

/// The platform lacks what the deployment needs: a route between two hosts.
class PlatformError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An actor of the deployment file whose start time has come.
struct SimActor {
    std::string function;  ///< "run-sn", "run-sl", ...
    HostIndex host = 0;
    std::vector<std::string> arguments;  ///< without the function's name
    std::map<std::string, std::string> properties;
};

/// SimGrid behind one small interface: simulated time, hosts, routes and transfers. Everything runs
/// in SimGrid's maestro; a process can have one engine only, ever. All callbacks come from run(),
/// one after the other, in order of (time, order of asking).
class SimEngine {
public:
    /// \param simgrid_options  "--cfg=..." and "--log=..." of the command line; they override the
    /// defaults.
    /// \param lazy  network/optim:Lazy, faster than Full above 10,000 hosts.
    SimEngine(const std::string& program, const std::vector<std::string>& simgrid_options,
              bool lazy);
    SimEngine(const SimEngine&) = delete;
    SimEngine& operator=(const SimEngine&) = delete;
    ~SimEngine();

    /// Errc::usage names the file, and the line if SimGrid tells it, or the host or link with an
    /// impossible speed, bandwidth or latency.
    /// \param with_profiles  false: ignores the file's profiles.
    Result<void> load_platform(const std::string& file, bool with_profiles = true);
    /// Calls `check` with (function, arguments) of each actor while the file is read, and `start`
    /// in run() when an actor's start time has come.
    using CheckActor =
        std::function<Result<void>(const std::string&, const std::vector<std::string>&)>;
    using StartActor = std::function<void(SimActor)>;
    Result<void> load_deployment(const std::string& file, CheckActor check, StartActor start);
    /// In the order of the file.
    const std::vector<PlannedActor>& actors() const;
    /// Number of actors that will still start: their time has not come, or their host is off and
    /// its profile will turn it on.
    std::uint64_t pending_actors() const;

    /// Runs until no event is left or stop() was called. Exceptions of callbacks pass through.
    void run();
    /// Drops all pending and future events, so that run() returns.
    void stop();
    SwarmTime now() const;
    /// Counts progress in `meter`; before the call, in a meter of its own.
    void set_meter(RunMeter& meter);
    RunMeter& meter() const;
    /// Calls `what` at that time, or now if it has passed.
    void at(SwarmTime time, SimCallback&& what);
    /// Pending calls of at(), and transfers under way.
    std::size_t pending() const;

    std::size_t host_count() const;
    const std::string& host_name(HostIndex host) const;
    /// The host's property, or nothing.
    std::optional<std::string> host_property(HostIndex host, const std::string& key) const;
    std::optional<HostIndex> find_host(const std::string& name) const;
    /// By its property `ip`, or else by its name.
    std::optional<HostIndex> find_address(const std::string& address) const;
    /// Of one core; 1e9 is the reference machine of the calibration table.
    double host_flops_per_second(HostIndex host) const;
    double host_cores(HostIndex host) const;
    /// Its performance state (`pstate`), from 0.
    std::size_t host_state(HostIndex host) const;
    bool host_on(HostIndex host) const;
    /// Whether its profile (`state_file`) will turn it on later.
    bool host_restarts(HostIndex host) const;
    /// Throws PlatformError if there is none. A host always has one to itself: if the platform has
    /// none that can be used, it has 20 us and 5 GB/s.
    SimRoute route(HostIndex from, HostIndex to) const;
    /// Its links. \pre  two hosts. Throws PlatformError if there is no route.
    std::vector<SimLink> route_links(HostIndex from, HostIndex to) const;

    /// Moves `bytes` (>= 1) over the route's links: bandwidth and sharing, without latency, which
    /// callers add (see sim/DECISIONS.md). `done(false)`: a host or link failed meanwhile.
    /// \pre  both hosts are on and the route is up; SimGrid aborts or hangs otherwise.
    /// \return  its number, for remaining_bytes().
    std::uint64_t transfer(HostIndex from, HostIndex to, std::uint64_t bytes,
                           std::function<void(bool)> done);
    /// The same at the full bandwidth of the route, by a timer: without SimGrid, and without
    /// sharing links. It does not see changes of hosts and links.
    std::uint64_t transfer_unshared(HostIndex from, HostIndex to, std::uint64_t bytes,
                                    std::function<void(bool)> done);
    /// The platform is a star of equal hosts, whose links are their own and never change: routes
    /// are looked up once for all. A host that sends and receives one transfer at a time then has
    /// the full bandwidth for it, so that transfer_unshared() takes as long as transfer().
    ///
    /// \param names  not empty: the two hosts of the platform stand for hosts of these names,
    ///     ascending, which are always on: SimGrid's own host and links take 3 kB. Then there is no
    ///     turn_host(), and no route_links().
    void assume_equal_hosts(const std::vector<std::string>& names = {});
    bool has_equal_hosts() const;
    /// Transfers within a host over a FATPIPE link, whose bandwidth each has for itself, are timed
    /// without SimGrid from here on. They don't see changes of that link.
    void time_loopbacks();
    /// Bytes left of a transfer; 0 once it has ended.
    double remaining_bytes(std::uint64_t transfer) const;

    void turn_host(HostIndex host, bool on);
    bool has_link(const std::string& name) const;
    /// Whether it has the sharing policy WIFI.
    bool is_wireless(const std::string& link) const;
    /// Both directions of a split-duplex link.
    void turn_link(const std::string& name, bool on);
    /// Of both directions of a split-duplex link, from now on; see LinkConditions.
    void set_link_bandwidth(const std::string& name, std::optional<double> bytes_per_second);
    void set_link_latency(const std::string& name, std::optional<double> seconds);
    void set_link_loss(const std::string& name, double share);
    /// Called after a host was turned on or off, by a fault or a profile.
    void on_host_change(std::function<void(HostIndex, bool on)> changed);
    /// The same for a link; each direction of a split-duplex link is one. All registered callbacks
    /// are called.
    void on_link_change(std::function<void(const std::string& name, bool on)> changed);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace starling
