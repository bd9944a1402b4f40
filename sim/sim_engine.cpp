#include "sim/sim_engine.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "sim/event_queue.hpp"
#include "sim/sg_compat.hpp"
#include "sim/sim_routes.hpp"
#include "sim/state_profile.hpp"

namespace starling {
namespace {

namespace s4u = simgrid::s4u;
using simgrid::kernel::timer::Timer;

// SimGrid tells of every end: a transfer that stands still for so long was lost by it, or a link on
// its way has no bandwidth. It would hold the simulation for ever.
constexpr SwarmDuration transfer_limit = std::chrono::hours(6);
constexpr SwarmDuration watch_interval = std::chrono::hours(1);

SwarmTime clock_now() { return SwarmTime{from_seconds(s4u::Engine::get_clock())}; }

struct Transfer {
    s4u::CommPtr comm;
    std::uint64_t number = 0;
    HostIndex from = 0;
    HostIndex to = 0;
    std::uint64_t bytes = 0;
    double remaining = 0.0;  ///< bytes, when watch() looked last
    SwarmTime moved_at{};
    std::function<void(bool)> done;
};

std::vector<std::string> engine_arguments(const std::string& program,
                                          const std::vector<std::string>& options, bool lazy) {
    std::vector<std::string> arguments = {
        program,
        "--log=root.threshold:warning",
        "--log=xbt_cfg.threshold:warning",
        "--log=ker_engine.threshold:error",  // "Process called exit when leaving"
        "--log=ker_actor.threshold:error",   // an actor's host is off: it starts with its host
        "--log=surf_parse.threshold:error",
        "--cfg=network/model:CM02",
        "--cfg=network/bandwidth-factor:" + std::to_string(SimRoutes::bandwidth_factor),
        // Latency is added by our own timers: a message in SimGrid's latency phase is lost when a
        // link changes, and frames of one connection could not follow each other without gaps.
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

/// More events than any swarm has at one instant: it goes round in a circle.
constexpr std::uint64_t events_an_instant_max = 20'000'000;

}  // namespace

struct SimEngine::Impl {
    Impl(const std::string& program, const std::vector<std::string>& options, bool lazy)
        : arguments(engine_arguments(program, options, lazy)) {
        for (std::string& argument : arguments) {
            argv.push_back(argument.data());
        }
        argv.push_back(nullptr);
        argc = static_cast<int>(arguments.size());
        engine = std::make_unique<s4u::Engine>(&argc, argv.data());
        sg::on_comm_end([this](auto& activity) { ended(activity); });
        sg::on_host_change([this](const s4u::Host& host) { host_changed(host); });
        sg::on_link_change([this](const s4u::Link& link) { link_changed(link); });
    }

    void add(SwarmTime time, std::function<void()> what) {
        if (stopped) {
            return;
        }
        queue.add(std::max(time, clock_now()), std::move(what));
        arm();
    }

    // One kernel timer for the whole queue.
    void arm() {
        if (firing || queue.empty()) {
            return;
        }
        const SwarmTime next = queue.next_time();
        if (armed != nullptr) {
            if (armed_at <= next) {
                return;
            }
            armed->remove();
        }
        armed_at = next;
        // Rounding to a double must not put the date before SimGrid's own clock.
        const double date = std::max(to_seconds(next.time_since_epoch()), s4u::Engine::get_clock());
        armed = Timer::set(date, [this] { fire(); });
    }

    void fire() {
        armed = nullptr;  // SimGrid frees it
        firing = true;
        const SwarmTime due = std::max(armed_at, clock_now());
        count_instant(due);
        while (!queue.empty() && queue.next_time() <= due) {
            meter->events.store(++events, std::memory_order_relaxed);
            if (++events_now > events_an_instant_max) {
                throw std::runtime_error("simulated time does not go on: more than " +
                                         std::to_string(events_an_instant_max) +
                                         " events happened at one instant");
            }
            queue.take()();
        }
        firing = false;
        arm();
    }

    void count_instant(SwarmTime due) {
        if (due != instant) {
            instant = due;
            events_now = 0;
            meter->simulated_ns.store(to_ns(due), std::memory_order_relaxed);
        }
    }

    template <typename Activity>
    void ended(Activity& activity) {
        auto* transfer = static_cast<Transfer*>(activity.template get_data<void>());
        if (transfer == nullptr) {
            return;  // not ours, or told twice
        }
        activity.set_data(nullptr);
        graveyard.clear();  // earlier ones have left the stack by now
        graveyard.push_back(std::move(transfer->comm));
        const bool ok = activity.get_state() == s4u::Activity::State::FINISHED;
        moved(transfer->bytes);
        add(clock_now(), [done = std::move(transfer->done), ok] { done(ok); });
        transfers.erase(transfer->number);
    }

    void moved(std::uint64_t bytes) {
        meter->bytes_moved.fetch_add(bytes, std::memory_order_relaxed);
    }

    std::uint64_t start(HostIndex from, HostIndex to, std::uint64_t bytes,
                        std::function<void(bool)> done) {
        if (from == to && routes->has_own_loopback(from)) {
            const double seconds =
                static_cast<double>(bytes) / SimRoutes::own_loopback.bytes_per_second;
            add(clock_now() + from_seconds(seconds), [this, bytes, done = std::move(done)] {
                moved(bytes);
                done(true);
            });
            return ++next_transfer;
        }
        const std::uint64_t number = ++next_transfer;
        auto owned = std::make_unique<Transfer>();
        Transfer& transfer = *owned;
        transfers.emplace(number, std::move(owned));
        transfer.moved_at = clock_now();
        transfer.remaining = static_cast<double>(std::max<std::uint64_t>(1, bytes)) + 1.0;
        transfer.number = number;
        transfer.from = from;
        transfer.to = to;
        transfer.bytes = std::max<std::uint64_t>(1, bytes);
        transfer.done = std::move(done);
        s4u::CommPtr comm = s4u::Comm::sendto_init();
        comm->set_payload_size(transfer.bytes);
        comm->set_data(static_cast<void*>(&transfer));
        transfer.comm = comm;
        comm->set_source(hosts[from])->set_destination(hosts[to]);  // this starts it
        if (!watching) {
            watching = true;
            add(clock_now() + watch_interval, [this] { watch(); });
        }
        return number;
    }

    void watch() {
        watching = !transfers.empty();
        for (const auto& [number, transfer] : transfers) {
            const double remaining = transfer->comm->get_remaining();
            if (remaining < transfer->remaining) {
                transfer->remaining = remaining;
                transfer->moved_at = clock_now();
            } else if (clock_now() - transfer->moved_at > transfer_limit) {
                throw std::runtime_error(
                    "not one byte of a transfer from host '" + hosts[transfer->from]->get_name() +
                    "' to host '" + hosts[transfer->to]->get_name() +
                    "' has moved for 6 simulated hours: a link on its way has no bandwidth, or "
                    "SimGrid lost it");
            }
        }
        if (watching) {
            add(clock_now() + watch_interval, [this] { watch(); });
        }
    }

    void host_changed(const s4u::Host& host) {
        const auto found = index.find(host.get_name());
        if (found != index.end() && host_callback) {
            add(clock_now(),
                [this, changed = found->second, on = host.is_on()] { host_callback(changed, on); });
        }
    }
    void link_changed(const s4u::Link& link) {
        add(clock_now(), [this, name = link.get_name(), on = link.is_on()] {
            for (const auto& changed : link_callbacks) {
                changed(name, on);
            }
        });
    }

    /// SimGrid 3.32 gives the changes of a state_file to a split-duplex link as a whole, which does
    /// not know them and aborts. From change `at` of the loop that began at `begin`.
    void follow(const FailingResources::Link& link, std::size_t at, SwarmTime begin) {
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
        add(begin + changes[at].at, [this, link, at, begin] {
            turn_link(link.name, link.profile.changes()[at].on);
            follow(link, at + 1, begin);
        });
    }

    std::vector<s4u::Link*> links_named(const std::string& name) const {
        std::vector<s4u::Link*> links;
        for (const char* suffix : {"", "_UP", "_DOWN"}) {
            if (s4u::Link* link = engine->link_by_name_or_null(name + suffix)) {
                links.push_back(link);
            }
        }
        return links;
    }
    void turn_link(const std::string& name, bool on) const {
        for (s4u::Link* link : links_named(name)) {
            on ? link->turn_on() : link->turn_off();
        }
    }

    bool host_restarts(HostIndex host) const {
        const auto found = profiles.find(host);
        return found != profiles.end() && found->second.comes_on_after(clock_now());
    }

    void list_hosts() {
        hosts = engine->get_all_hosts();
        std::sort(hosts.begin(), hosts.end(), [](const s4u::Host* a, const s4u::Host* b) {
            return a->get_name() < b->get_name();
        });
        for (HostIndex i = 0; i < hosts.size(); ++i) {
            index.emplace(hosts[i]->get_name(), i);
            if (const char* ip = hosts[i]->get_property("ip")) {
                by_ip.emplace(ip, i);
            }
        }
    }

    std::vector<std::string> arguments;
    std::vector<char*> argv;
    int argc = 0;
    std::unique_ptr<s4u::Engine> engine;
    std::vector<s4u::Host*> hosts;
    std::unordered_map<std::string, HostIndex> index;
    std::unordered_map<std::string, HostIndex> by_ip;
    EventQueue queue;
    Timer* armed = nullptr;
    SwarmTime armed_at{};
    bool firing = false;
    bool watching = false;
    bool stopped = false;
    std::uint64_t next_transfer = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> transfers;
    std::vector<s4u::CommPtr> graveyard;
    std::vector<PlannedActor> actors;      ///< in the order of the file
    std::set<std::size_t> actors_waiting;  ///< of those, the ones that have not started
    std::map<HostIndex, StateProfile> profiles;
    std::function<void(HostIndex, bool)> host_callback;
    std::vector<std::function<void(const std::string&, bool)>> link_callbacks;
    std::optional<SimRoutes> routes;  ///< once the platform is loaded
    RunMeter own_meter;
    RunMeter* meter = &own_meter;
    std::uint64_t events = 0;
    std::uint64_t events_now = 0;  ///< at `instant`
    SwarmTime instant{-SwarmDuration{1}};
};

SimEngine::SimEngine(const std::string& program, const std::vector<std::string>& simgrid_options,
                     bool lazy)
    : impl_(std::make_unique<Impl>(program, simgrid_options, lazy)) {}

SimEngine::~SimEngine() {
    stop();
    // A comm that is still under way must not find our data any more.
    for (auto& [number, transfer] : impl_->transfers) {
        transfer->comm->set_data(nullptr);
    }
}

Result<void> SimEngine::load_platform(const std::string& file, bool with_profiles) {
    Result<std::string> text = read_xml_file(file, "platform");
    if (!text) {
        return text.error();
    }
    if (!planned_actors(*text).empty()) {
        return Error{Errc::usage, "platform file " + file +
                                      " has actors, so it is a deployment file: give the platform "
                                      "first and the deployment second"};
    }
    const Result<FailingResources> failing = read_failing_resources(file, *text, with_profiles);
    if (!failing) {
        return failing.error();
    }
    const SubstituteFile read(file, failing->text);
    try {
        if (!failing->text.empty()) {  // profiles beside the user's file are still found
            s4u::Engine::set_config("path:" +
                                    std::filesystem::absolute(file).parent_path().string());
        }
        impl_->engine->load_platform(read.path());
        impl_->engine->seal_platform();
        impl_->list_hosts();
        impl_->routes.emplace(file, *text, impl_->hosts);
    } catch (const std::exception& error) {
        return Error{Errc::usage, "platform file " + file + ": " + read.told(error.what())};
    }
    if (impl_->hosts.empty()) {
        return Error{Errc::usage, "platform file " + file + " has no host"};
    }
    if (const Result<void> checked = impl_->routes->check_values(impl_->engine->get_all_links());
        !checked) {
        return Error{Errc::usage, "platform file " + file + ": " + checked.error().message};
    }
    for (const FailingResources::Link& link : failing->split_links) {
        impl_->follow(link, 0, {});
    }
    for (const FailingResources::Host& host : failing->hosts) {
        if (const auto index = find_host(host.name)) {
            impl_->profiles.emplace(*index, host.profile);
        }
    }
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
    // The default factory sees every actor as the file is read, in its order.
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
        // Run when its host is on first.
        return [this, actor, start, number] {
            SimActor started = actor;
            started.host = impl_->index.at(s4u::this_actor::get_host()->get_name());
            for (const auto& [key, value] : *s4u::Actor::self()->get_properties()) {
                started.properties.emplace(key, value);
            }
            impl_->add(impl_->actors[number].start, [this, started, start, number] {
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
        return Error{Errc::usage, "deployment file " + file + ": " + read.told(error.what())};
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

std::uint64_t SimEngine::actors_to_come() const {
    return static_cast<std::uint64_t>(std::count_if(
        impl_->actors_waiting.begin(), impl_->actors_waiting.end(), [this](std::size_t number) {
            const auto host = find_host(impl_->actors[number].host);
            return host && (host_on(*host) || host_restarts(*host));
        }));
}

void SimEngine::run() { impl_->engine->run(); }

void SimEngine::stop() {
    impl_->stopped = true;
    impl_->queue.clear();
    if (impl_->armed != nullptr) {
        impl_->armed->remove();
        impl_->armed = nullptr;
    }
}

SwarmTime SimEngine::now() const { return clock_now(); }
void SimEngine::set_meter(RunMeter& meter) { impl_->meter = &meter; }
RunMeter& SimEngine::meter() const { return *impl_->meter; }
void SimEngine::at(SwarmTime time, std::function<void()> what) {
    impl_->add(time, std::move(what));
}
std::size_t SimEngine::pending() const {
    // The watch for lost transfers is no work of its own.
    return impl_->queue.size() + impl_->transfers.size() - (impl_->watching ? 1U : 0U);
}

std::size_t SimEngine::host_count() const { return impl_->hosts.size(); }
const std::string& SimEngine::host_name(HostIndex host) const {
    return impl_->hosts[host]->get_name();
}
std::optional<std::string> SimEngine::host_property(HostIndex host, const std::string& key) const {
    const char* value = impl_->hosts[host]->get_property(key);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}
std::optional<HostIndex> SimEngine::find_host(const std::string& name) const {
    const auto found = impl_->index.find(name);
    return found == impl_->index.end() ? std::nullopt : std::optional(found->second);
}
std::optional<HostIndex> SimEngine::find_address(const std::string& address) const {
    const auto found = impl_->by_ip.find(address);
    return found == impl_->by_ip.end() ? find_host(address) : std::optional(found->second);
}
double SimEngine::host_flops_per_second(HostIndex host) const {
    return impl_->hosts[host]->get_speed();
}
bool SimEngine::host_on(HostIndex host) const { return impl_->hosts[host]->is_on(); }
bool SimEngine::host_restarts(HostIndex host) const { return impl_->host_restarts(host); }

SimRoute SimEngine::route(HostIndex from, HostIndex to) const {
    return impl_->routes->route(from, to);
}

std::uint64_t SimEngine::transfer(HostIndex from, HostIndex to, std::uint64_t bytes,
                                  std::function<void(bool)> done) {
    return impl_->start(from, to, bytes, std::move(done));
}

double SimEngine::remaining_bytes(std::uint64_t transfer) const {
    const auto found = impl_->transfers.find(transfer);
    return found == impl_->transfers.end() ? 0.0 : found->second->comm->get_remaining();
}

void SimEngine::turn_host(HostIndex host, bool on) {
    on ? impl_->hosts[host]->turn_on() : impl_->hosts[host]->turn_off();
}

bool SimEngine::has_link(const std::string& name) const {
    return !impl_->links_named(name).empty();
}
void SimEngine::turn_link(const std::string& name, bool on) { impl_->turn_link(name, on); }

void SimEngine::on_host_change(std::function<void(HostIndex, bool)> changed) {
    impl_->host_callback = std::move(changed);
}
void SimEngine::on_link_change(std::function<void(const std::string&, bool)> changed) {
    impl_->link_callbacks.push_back(std::move(changed));
}

}  // namespace starling
