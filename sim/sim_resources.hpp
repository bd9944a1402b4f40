#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/sim_engine.hpp"
#include "sim/sim_events.hpp"
#include "sim/state_profile.hpp"

namespace simgrid::s4u {
class Engine;
class Host;
class Link;
}  // namespace simgrid::s4u

namespace starling {

/// Hosts and links of the loaded platform, and their changes between on and off.
class SimResources {
public:
    /// \param engine, events  must outlive this.
    SimResources(simgrid::s4u::Engine& engine, SimEvents& events);
    SimResources(const SimResources&) = delete;
    SimResources& operator=(const SimResources&) = delete;

    /// To be called once the platform is loaded.
    void list_hosts();
    /// From now on there are hosts of these names, ascending, which are all on. The first loaded
    /// host stands for the first of them, the second for all others. \pre  they never change
    void stand_for(const std::vector<std::string>& names);
    /// Applies those profiles of the platform that SimGrid can't apply.
    void follow(const FailingResources& failing);

    /// Sorted by name; each is SimGrid's host, or the one that stands for it.
    const std::vector<simgrid::s4u::Host*>& hosts() const { return hosts_; }
    const std::string& host_name(HostIndex host) const { return *names_[host]; }
    std::optional<HostIndex> find_host(const std::string& name) const;
    /// By its property `ip`, or else by its name.
    std::optional<HostIndex> find_address(const std::string& address) const;
    /// Whether its profile will turn it on later.
    bool host_restarts(HostIndex host) const;
    bool is_on(HostIndex host) const { return on_[host]; }
    bool has_link(const std::string& name) const { return !links_named(name).empty(); }
    /// Both directions of a split-duplex link.
    void turn_link(const std::string& name, bool on) const;
    /// Calls `change` for each direction of it.
    void change_link(const std::string& name,
                     const std::function<void(simgrid::s4u::Link&)>& change) const;

    /// See SimEngine.
    void on_host_change(std::function<void(HostIndex, bool on)> changed) {
        host_callback_ = std::move(changed);
    }
    void on_link_change(std::function<void(const std::string& name, bool on)> changed) {
        link_callbacks_.push_back(std::move(changed));
    }

private:
    void host_changed(const simgrid::s4u::Host& host);
    void link_changed(const simgrid::s4u::Link& link);
    void follow_link(const FailingResources::Link& link, std::size_t at, SwarmTime begin);
    std::vector<simgrid::s4u::Link*> links_named(const std::string& name) const;

    simgrid::s4u::Engine& engine_;
    SimEvents& events_;
    std::vector<simgrid::s4u::Host*> hosts_;
    std::vector<const std::string*> names_;  ///< in index_, or in equal_names_
    std::vector<std::string> equal_names_;   ///< of stand_for()
    std::vector<bool> on_;                   ///< which of them are on: asked for each message
    std::unordered_map<std::string, HostIndex> index_;  ///< by name
    std::unordered_map<std::string, HostIndex> by_ip_;
    std::map<HostIndex, StateProfile> profiles_;
    std::function<void(HostIndex, bool)> host_callback_;
    std::vector<std::function<void(const std::string&, bool)>> link_callbacks_;
};

}  // namespace starling
