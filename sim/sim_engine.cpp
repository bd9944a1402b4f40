// SimGrid behind SimEngine. All code runs in SimGrid's maestro: nodes are state machines driven by
// timers and transfers, and actors of the deployment only start them. That saves a context per
// node, and gives one total order of events: (time, order of asking).
//
// Reasons for the settings of the network model: DECISIONS.md.
#include "sim/sim_engine.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "sim/link_conditions.hpp"
#include "sim/sg_compat.hpp"
#include "sim/sim_events.hpp"
#include "sim/sim_resources.hpp"
#include "sim/sim_routes.hpp"
#include "sim/sim_transfers.hpp"
#include "sim/state_profile.hpp"

namespace starling {
namespace {

namespace s4u = simgrid::s4u;

std::vector<std::string> engine_arguments(const std::string& program,
                                          const std::vector<std::string>& options, bool lazy) {
    std::vector<std::string> arguments = {
        program,
        "--log=root.threshold:warning",
        "--log=xbt_cfg.threshold:warning",
        "--log=ker_engine.threshold:error",  // "Process called exit when leaving"
        "--log=ker_actor.threshold:error",   // an actor's host is off: the actor starts with the
                                             // host
        "--log=surf_parse.threshold:error",
        "--cfg=network/model:CM02",
        "--cfg=network/bandwidth-factor:" + std::to_string(SimRoutes::bandwidth_factor),
        // Latency is added by timers (SimNetwork): SimGrid loses a message in its latency phase if
        // a link changes, and frames of one connection could not follow each other without gaps.
        "--cfg=network/latency-factor:0",
        "--cfg=network/crosstraffic:0",
        std::string("--cfg=network/optim:") + (lazy ? "Lazy" : "Full"),
        "--cfg=network/TCP-gamma:4194304",
        "--cfg=network/loopback-bw:5000000000",
        "--cfg=network/loopback-lat:0.00002",
    };
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
}

/// SimGrid's message about a setting, without the list of all that it has.
std::string without_settings(const std::string& message) {
    const std::string unknown = "Bad config key: ";
    if (!message.starts_with(unknown)) {
        return message;
    }
    return "SimGrid " + sg::version() + " has no setting '" +
           message.substr(unknown.size(), message.find('\n') - unknown.size()) + "'";
}

/// SimGrid's engine with its command line, to which it keeps pointers.
class EngineOfArguments {
public:
    explicit EngineOfArguments(std::vector<std::string> arguments)
        : arguments_(std::move(arguments)) {
        for (std::string& argument : arguments_) {
            argv_.push_back(argument.data());
        }
        argv_.push_back(nullptr);
        argc_ = static_cast<int>(arguments_.size());
        engine_ = std::make_unique<s4u::Engine>(&argc_, argv_.data());
    }

    s4u::Engine& operator*() const { return *engine_; }
    s4u::Engine* operator->() const { return engine_.get(); }

private:
    std::vector<std::string> arguments_;
    std::vector<char*> argv_;
    int argc_ = 0;
    std::unique_ptr<s4u::Engine> engine_;
};

}  // namespace

struct SimEngine::Impl {
    Impl(const std::string& program, const std::vector<std::string>& options, bool lazy)
        : engine(engine_arguments(program, options, lazy)) {}

    EngineOfArguments engine;
    SimEvents events;
    SimTransfers transfers{events};
    SimResources resources{*engine, events};
    LinkConditions conditions;
    std::optional<SimRoutes> routes;       ///< once the platform is loaded
    std::vector<PlannedActor> actors;      ///< in the order of the file
    std::set<std::size_t> actors_waiting;  ///< indexes of those that have not started
    bool times_loopbacks = false;          ///< see time_loopbacks()
    bool equal_hosts = false;              ///< see assume_equal_hosts()
};

SimEngine::SimEngine(const std::string& program, const std::vector<std::string>& simgrid_options,
                     bool lazy) {
    try {
        impl_ = std::make_unique<Impl>(program, simgrid_options, lazy);
    } catch (const std::exception& error) {
        throw PlatformError("--cfg: " + without_settings(error.what()));
    }
}

SimEngine::~SimEngine() { stop(); }

Result<void> SimEngine::load_platform(const std::string& file, bool with_profiles) {
    Result<std::string> text = read_xml_file(file, "platform");
    if (!text) {
        return text.error();
    }
    if (!planned_actors(*text).empty()) {
        return Error{Errc::usage,
                     "platform file " + file +
                         " has actors, so it is a deployment file: specify the platform "
                         "first and the deployment second"};
    }
    const Result<FailingResources> failing = read_failing_resources(file, *text, with_profiles);
    if (!failing) {
        return failing.error();
    }
    const SubstituteFile read(file, failing->text);
    try {
        if (!failing->text.empty()) {  // finds profiles beside the user's file
            s4u::Engine::set_config("path:" +
                                    std::filesystem::absolute(file).parent_path().string());
        }
        impl_->engine->load_platform(read.path());
        impl_->engine->seal_platform();
        impl_->resources.list_hosts();
        impl_->routes.emplace(file, *text, impl_->resources.hosts(), impl_->conditions);
    } catch (const std::exception& error) {
        return Error{Errc::usage, "platform file " + file + ": " +
                                      read.with_original_name(without_settings(error.what()))};
    }
    if (impl_->resources.hosts().empty()) {
        return Error{Errc::usage, "platform file " + file + " has no host"};
    }
    if (const Result<void> checked = impl_->routes->check_values(impl_->engine->get_all_links());
        !checked) {
        return Error{Errc::usage, "platform file " + file + ": " + checked.error().message};
    }
    impl_->resources.follow(*failing);
    return {};
}

Result<void> SimEngine::load_deployment(const std::string& file, CheckActor check,
                                        StartActor start) {
    Result<std::string> text = read_xml_file(file, "deployment");
    if (!text) {
        return text.error();
    }
    impl_->actors = planned_actors(*text);
    for (const PlannedActor& actor : impl_->actors) {
        if (!find_host(actor.host)) {
            return Error{Errc::usage, "deployment file " + file + ": an actor is placed on host '" +
                                          actor.host + "', which the platform does not have"};
        }
    }
    const SubstituteFile read(file, *text);
    std::optional<Error> refused;
    std::size_t seen = 0;
    // SimGrid calls the default factory for every actor while it reads the file, in its order.
    const auto factory = [this, &refused, &seen, check = std::move(check),
                          start = std::move(start)](
                             std::vector<std::string> words) -> simgrid::kernel::actor::ActorCode {
        SimActor actor;
        actor.function = words.empty() ? "" : words.front();
        actor.arguments.assign(words.begin() + (words.empty() ? 0 : 1), words.end());
        if (auto checked = check(actor.function, actor.arguments); !checked && !refused) {
            refused = checked.error();
        }
        const std::size_t number = seen++;
        impl_->actors_waiting.insert(number);
        // Run as soon as its host is on.
        return [this, actor, start, number] {
            SimActor started = actor;
            started.host = *find_host(s4u::this_actor::get_host()->get_name());
            for (const auto& [key, value] : *s4u::Actor::self()->get_properties()) {
                started.properties.emplace(key, value);
            }
            impl_->events.add(impl_->actors[number].start, [this, started, start, number] {
                if (impl_->actors_waiting.erase(number) > 0) {
                    start(started);
                }
            });
        };
    };
    try {
        impl_->engine->register_default(simgrid::kernel::actor::ActorCodeFactory(factory));
        impl_->engine->load_deployment(read.path());
    } catch (const std::exception& error) {
        return Error{Errc::usage,
                     "deployment file " + file + ": " + read.with_original_name(error.what())};
    }
    if (refused) {
        return Error{Errc::usage, "deployment file " + file + ": " + refused->message};
    }
    if (impl_->actors.empty()) {
        return Error{Errc::usage, "deployment file " + file + " has no actor"};
    }
    return {};
}

const std::vector<PlannedActor>& SimEngine::actors() const { return impl_->actors; }

std::uint64_t SimEngine::pending_actors() const {
    return static_cast<std::uint64_t>(std::count_if(
        impl_->actors_waiting.begin(), impl_->actors_waiting.end(), [this](std::size_t number) {
            const auto host = find_host(impl_->actors[number].host);
            return host && (host_on(*host) || host_restarts(*host));
        }));
}

void SimEngine::run() { impl_->engine->run(); }

void SimEngine::stop() { impl_->events.stop(); }

SwarmTime SimEngine::now() const { return SimEvents::now(); }
void SimEngine::set_meter(RunMeter& meter) { impl_->events.set_meter(meter); }
RunMeter& SimEngine::meter() const { return impl_->events.meter(); }
void SimEngine::at(SwarmTime time, SimCallback&& what) { impl_->events.add(time, std::move(what)); }
std::size_t SimEngine::pending() const {
    // The timer that watches for lost transfers does not count.
    return impl_->events.pending() + impl_->transfers.under_way() -
           (impl_->transfers.is_watching() ? 1U : 0U);
}

std::size_t SimEngine::host_count() const { return impl_->resources.hosts().size(); }
const std::string& SimEngine::host_name(HostIndex host) const {
    return impl_->resources.host_name(host);
}
std::optional<std::string> SimEngine::host_property(HostIndex host, const std::string& key) const {
    const char* value = impl_->resources.hosts()[host]->get_property(key);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}
std::optional<HostIndex> SimEngine::find_host(const std::string& name) const {
    return impl_->resources.find_host(name);
}
std::optional<HostIndex> SimEngine::find_address(const std::string& address) const {
    return impl_->resources.find_address(address);
}
double SimEngine::host_flops_per_second(HostIndex host) const {
    return impl_->resources.hosts()[host]->get_speed();
}
double SimEngine::host_cores(HostIndex host) const {
    return impl_->resources.hosts()[host]->get_core_count();
}
std::size_t SimEngine::host_state(HostIndex host) const {
    return impl_->resources.hosts()[host]->get_pstate();
}
bool SimEngine::host_on(HostIndex host) const { return impl_->resources.is_on(host); }
bool SimEngine::host_restarts(HostIndex host) const { return impl_->resources.host_restarts(host); }

SimRoute SimEngine::route(HostIndex from, HostIndex to) const {
    return impl_->routes->route(from, to);
}

std::vector<SimLink> SimEngine::route_links(HostIndex from, HostIndex to) const {
    return impl_->routes->links(from, to);
}

std::uint64_t SimEngine::transfer(HostIndex from, HostIndex to, std::uint64_t bytes,
                                  std::function<void(bool)> done) {
    if (from == to && impl_->routes->has_own_loopback(from)) {
        return impl_->transfers.start_unshared(bytes, SimRoutes::own_loopback.bytes_per_second,
                                               std::move(done));
    }
    if (from == to && impl_->times_loopbacks) {
        const double rate = impl_->routes->unshared_loopback(from);
        if (rate > 0.0) {
            return impl_->transfers.start_unshared(bytes, rate, std::move(done));
        }
    }
    const std::vector<s4u::Host*>& hosts = impl_->resources.hosts();
    return impl_->transfers.start(*hosts[from], *hosts[to], bytes, std::move(done));
}

std::uint64_t SimEngine::transfer_unshared(HostIndex from, HostIndex to, std::uint64_t bytes,
                                           std::function<void(bool)> done) {
    return impl_->transfers.start_unshared(bytes, route(from, to).bytes_per_second,
                                           std::move(done));
}

void SimEngine::time_loopbacks() { impl_->times_loopbacks = true; }

void SimEngine::assume_equal_hosts(const std::vector<std::string>& names) {
    impl_->equal_hosts = true;
    if (!names.empty()) {
        impl_->resources.stand_for(names);
    }
    impl_->routes->assume_equal();
}
bool SimEngine::has_equal_hosts() const { return impl_->equal_hosts; }

double SimEngine::remaining_bytes(std::uint64_t transfer) const {
    return impl_->transfers.remaining_bytes(transfer);
}

void SimEngine::turn_host(HostIndex host, bool on) {
    s4u::Host* const changed = impl_->resources.hosts()[host];
    on ? changed->turn_on() : changed->turn_off();
}

bool SimEngine::has_link(const std::string& name) const { return impl_->resources.has_link(name); }
bool SimEngine::is_wireless(const std::string& link) const {
    bool wireless = false;
    impl_->resources.change_link(link, [&wireless](const s4u::Link& each) {
        wireless = wireless || each.get_sharing_policy() == s4u::Link::SharingPolicy::WIFI;
    });
    return wireless;
}
void SimEngine::turn_link(const std::string& name, bool on) {
    impl_->resources.turn_link(name, on);
}

void SimEngine::set_link_bandwidth(const std::string& name,
                                   std::optional<double> bytes_per_second) {
    impl_->resources.change_link(
        name, [&](s4u::Link& link) { impl_->conditions.set_bandwidth(link, bytes_per_second); });
}
void SimEngine::set_link_latency(const std::string& name, std::optional<double> seconds) {
    impl_->resources.change_link(
        name, [&](s4u::Link& link) { impl_->conditions.set_latency(link, seconds); });
}
void SimEngine::set_link_loss(const std::string& name, double share) {
    impl_->resources.change_link(name,
                                 [&](s4u::Link& link) { impl_->conditions.set_loss(link, share); });
}

void SimEngine::on_host_change(std::function<void(HostIndex, bool)> changed) {
    impl_->resources.on_host_change(std::move(changed));
}
void SimEngine::on_link_change(std::function<void(const std::string&, bool)> changed) {
    impl_->resources.on_link_change(std::move(changed));
}

}  // namespace starling
