// Hosts and links, and what turns them on and off. SimGrid's callbacks come in the middle of its
// own updates, so they are passed on as events.
#include "sim/sim_resources.hpp"

#include <algorithm>

#include "sim/sg_compat.hpp"

namespace starling {
namespace {

namespace s4u = simgrid::s4u;

}  // namespace

SimResources::SimResources(s4u::Engine& engine, SimEvents& events)
    : engine_(engine), events_(events) {
    sg::on_host_change([this](const s4u::Host& host) { host_changed(host); });
    sg::on_link_change([this](const s4u::Link& link) { link_changed(link); });
}

void SimResources::list_hosts() {
    hosts_ = engine_.get_all_hosts();
    std::sort(hosts_.begin(), hosts_.end(),
              [](const s4u::Host* a, const s4u::Host* b) { return a->get_name() < b->get_name(); });
    for (HostIndex i = 0; i < hosts_.size(); ++i) {
        names_.push_back(&index_.emplace(hosts_[i]->get_name(), i).first->first);
        on_.push_back(hosts_[i]->is_on());
        if (const char* ip = hosts_[i]->get_property("ip")) {
            by_ip_.emplace(ip, i);
        }
    }
}

void SimResources::stand_for(const std::vector<std::string>& names) {
    s4u::Host* const others = hosts_.back();
    index_.clear();
    names_.clear();
    equal_names_ = names;
    for (const std::string& name : equal_names_) {
        names_.push_back(&name);
    }
    hosts_.resize(1);
    hosts_.resize(names.size(), others);
    on_.assign(names.size(), true);
}

std::optional<HostIndex> SimResources::find_host(const std::string& name) const {
    if (!equal_names_.empty()) {
        const auto at = std::ranges::lower_bound(equal_names_, name);
        const bool there = at != equal_names_.end() && *at == name;
        return there ? std::optional(static_cast<HostIndex>(at - equal_names_.begin()))
                     : std::nullopt;
    }
    const auto found = index_.find(name);
    return found == index_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<HostIndex> SimResources::find_address(const std::string& address) const {
    const auto found = by_ip_.find(address);
    return found == by_ip_.end() ? find_host(address) : std::optional(found->second);
}

bool SimResources::host_restarts(HostIndex host) const {
    const auto found = profiles_.find(host);
    return found != profiles_.end() && found->second.turns_on_after(SimEvents::now());
}

void SimResources::host_changed(const s4u::Host& host) {
    const auto found = index_.find(host.get_name());
    if (found != index_.end()) {
        on_[found->second] = host.is_on();
    }
    if (found != index_.end() && host_callback_) {
        events_.add(SimEvents::now(), [this, changed = found->second, on = host.is_on()] {
            host_callback_(changed, on);
        });
    }
}

void SimResources::link_changed(const s4u::Link& link) {
    events_.add(SimEvents::now(), [this, name = link.get_name(), on = link.is_on()] {
        for (const auto& changed : link_callbacks_) {
            changed(name, on);
        }
    });
}

void SimResources::follow(const FailingResources& failing) {
    // SimGrid 3.32 applies a state_file to a split-duplex link as a whole, which has no such state,
    // and aborts.
    for (const FailingResources::Link& link : failing.split_links) {
        follow_link(link, 0, {});
    }
    for (const FailingResources::Host& host : failing.hosts) {
        if (const auto index = find_host(host.name)) {
            profiles_.emplace(*index, host.profile);
        }
    }
}

/// Schedules change `at` of the loop that began at `begin`, and after it the next.
void SimResources::follow_link(const FailingResources::Link& link, std::size_t at,
                               SwarmTime begin) {
    const std::vector<StateProfile::Change>& changes = link.profile.changes();
    if (at == changes.size()) {
        if (!link.profile.period()) {
            return;
        }
        at = 0;
        begin += *link.profile.period();
    }
    if (changes.empty()) {
        return;
    }
    events_.add(begin + changes[at].at, [this, link, at, begin] {
        turn_link(link.name, link.profile.changes()[at].on);
        follow_link(link, at + 1, begin);
    });
}

std::vector<s4u::Link*> SimResources::links_named(const std::string& name) const {
    std::vector<s4u::Link*> links;
    for (const char* suffix : {"", "_UP", "_DOWN"}) {
        if (s4u::Link* link = engine_.link_by_name_or_null(name + suffix)) {
            links.push_back(link);
        }
    }
    return links;
}

void SimResources::turn_link(const std::string& name, bool on) const {
    change_link(name, [on](s4u::Link& link) { on ? link.turn_on() : link.turn_off(); });
}

void SimResources::change_link(const std::string& name,
                               const std::function<void(s4u::Link&)>& change) const {
    for (s4u::Link* link : links_named(name)) {
        change(*link);
    }
}

}  // namespace starling
