#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/ids.hpp"
#include "core/trace/trace_event.hpp"
#include "sim/off_times.hpp"

namespace starling {

/// The failures of a run and how the swarm recovered, for the summary. A trace sink that counts
/// events and passes them on.
class FaultLog final : public TraceSink {
public:
    struct Pause {
        Round round = 0;  ///< committed at its end
        SwarmDuration length{0};
    };

    explicit FaultLog(TraceSink& trace) : trace_(trace) {}

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override;
    /// Each reports an event of node `platform`, unless the state is known already.
    void host_changed(SwarmTime time, const std::string& host, bool on);
    void link_changed(SwarmTime time, const std::string& link, bool on);
    void node_killed(SwarmTime time, const NodeId& node, const std::string& reason);
    void node_restarted() { ++nodes_restarted_; }

    /// Number of changes to (off, on).
    std::pair<std::uint64_t, std::uint64_t> hosts() const { return hosts_; }
    std::pair<std::uint64_t, std::uint64_t> links() const { return links_; }
    std::uint64_t nodes_killed() const { return nodes_killed_; }
    std::uint64_t nodes_restarted() const { return nodes_restarted_; }
    const OffTimes& off_times() const { return off_times_; }
    bool any() const { return hosts_.first + links_.first + nodes_killed_ > 0; }
    /// Number of elections that an SN won.
    std::uint64_t elections() const { return elections_; }
    /// Rounds that were not committed by their first attempt.
    std::uint64_t retried_rounds() const;
    /// The most attempts of one round; 0 without a round.
    std::uint64_t attempts_max() const;
    /// The longest and the median time from one commit of a training contract to its next.
    Pause longest_pause() const;
    SwarmDuration median_pause() const;

private:
    struct Committed {
        SwarmTime at{};
        std::uint64_t attempt = 0;  ///< the first is 0
    };
    using Rounds = std::map<Round, Committed>;

    std::vector<Pause> pauses() const;
    void changed(SwarmTime time, bool host, const std::string& name, bool on);

    TraceSink& trace_;
    OffTimes off_times_;
    std::map<std::pair<bool, std::string>, bool> off_;  ///< by (is a host, name); absent: on
    std::pair<std::uint64_t, std::uint64_t> hosts_;
    std::pair<std::uint64_t, std::uint64_t> links_;
    std::uint64_t nodes_killed_ = 0;
    std::uint64_t nodes_restarted_ = 0;
    std::uint64_t elections_ = 0;
    std::map<std::string, Rounds> committed_;  ///< by contract
};

}  // namespace starling
