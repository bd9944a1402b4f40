#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/trace/trace_event.hpp"
#include "sim/sim_engine.hpp"
#include "sim/sim_network.hpp"

namespace starling {

/// The use of the platform's links over time, as events of node `platform` in the trace: the routes
/// between hosts when they are used first, and the bytes that each link has carried since its event
/// before. A trace sink that looks at the network when an event comes and the interval is over, so
/// that the simulation has no event more; it passes events on.
///
/// An interval is 100 ms of simulated time and doubles after each 200. A report names 64 links at
/// most, those with most bytes; the bytes of others stay for a later one. With more than 20,000
/// pairs of hosts that communicate it ends, since each report goes through all of them.
class LinkLog final : public TraceSink {
public:
    /// All must outlive this. \param on  false: events are only passed on
    LinkLog(TraceSink& trace, const SimEngine& engine, SimNetwork& network, bool on);

    /// The host of a node that starts.
    void placed(SwarmTime time, const NodeId& node, const std::string& host);
    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// At the end of the run: what has not been reported yet, of a thousand links at most.
    void finish(SwarmTime time);

private:
    using Hosts = std::pair<HostIndex, HostIndex>;
    struct Link {
        std::string name;
        std::uint64_t bytes_per_second = 0;
        std::uint64_t bytes = 0;  ///< since its last event
    };
    struct Pair {
        std::vector<std::size_t> links;  ///< of the route, in order
        std::uint64_t delivered = 0;
    };

    void sample(SwarmTime time, std::size_t links_max);
    /// Adds the bytes of all pairs to the links of their routes. \return  false: too many pairs
    bool count(SwarmTime time);
    Pair& pair_of(SwarmTime time, Hosts hosts);
    void look_up(Pair& pair, Hosts hosts);

    TraceSink& trace_;
    const SimEngine& engine_;
    SimNetwork& network_;
    bool on_;
    bool conditions_changed_ = false;  ///< the routes are looked up again
    SwarmTime next_{};
    SwarmDuration interval_ = std::chrono::milliseconds(100);
    std::uint64_t samples_ = 0;
    std::size_t routes_reported_ = 0;
    std::vector<Link> links_;
    std::map<std::string, std::size_t> by_name_;
    std::map<Hosts, Pair> pairs_;
};

}  // namespace starling
