#include "sim/sim_engine.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <locale>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <unordered_map>

#include <unistd.h>

#include "sim/event_queue.hpp"
#include "sim/sg_compat.hpp"
#include "sim/state_profile.hpp"
#include "sim/xml_scan.hpp"

namespace starling {
namespace {

namespace s4u = simgrid::s4u;
using simgrid::kernel::timer::Timer;

// Payload bytes per byte on the wire of full Ethernet frames: 1448 / 1538.
constexpr double bandwidth_factor = 0.94;
// A message that SimGrid lost would hold the simulation for ever: end it with a clear error.
/// SimGrid tells of every end: a transfer that stands still for so long was lost by it.
constexpr SwarmDuration transfer_limit = std::chrono::hours(6);
constexpr SwarmDuration watch_interval = std::chrono::hours(1);

SwarmTime clock_now() { return SwarmTime{from_seconds(s4u::Engine::get_clock())}; }

struct Transfer {
    s4u::CommPtr comm;
    std::uint64_t number = 0;
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
        "--cfg=network/bandwidth-factor:" + std::to_string(bandwidth_factor),
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

Result<void> readable(const std::string& file, const char* what) {
    std::ifstream stream(file);
    if (!stream || stream.peek() == std::ifstream::traits_type::eof()) {
        return Error{Errc::usage,
                     std::string(what) + " file " + file +
                         " can't be read, or is empty: give the path of a SimGrid XML file"};
    }
    return {};
}

std::string read_text(const std::string& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// An actor of a deployment file. SimGrid aborts on one whose host is unknown, and throws at the
/// start time of one whose host is off then, so they are looked at before.
struct PlannedActor {
    std::string host;
    SwarmTime start{};
};

/// The actors of a file. \param text  gets blanks where their start times stand.
std::vector<PlannedActor> planned_actors(std::string& text) {
    std::vector<PlannedActor> actors;
    for (const XmlElement& element : scan_xml(text)) {
        if (element.name != "actor" && element.name != "process") {
            continue;
        }
        PlannedActor actor{element.value("host"), {}};
        if (const auto* start = element.find("start_time")) {
            std::istringstream stream(start->value);
            stream.imbue(std::locale::classic());
            double seconds = 0.0;
            if ((stream >> seconds) && seconds > 0.0 && seconds <= 1e9) {
                actor.start = SwarmTime{from_seconds(seconds)};
                text.replace(start->begin, start->end - start->begin, start->end - start->begin,
                             ' ');
            }
        }
        actors.push_back(std::move(actor));
    }
    return actors;
}

/// A file that SimGrid reads in the place of the user's, for as long as this lives.
class Substitute {
public:
    /// \param text  empty: the file itself is good.
    Substitute(std::string file, const std::string& text) : original_(std::move(file)) {
        if (text.empty()) {
            return;
        }
        copy_ = (std::filesystem::temp_directory_path() / "starling-XXXXXX.xml").string();
        const int opened = ::mkstemps(copy_.data(), 4);
        if (opened >= 0) {
            ::close(opened);
        }
        if (opened < 0 || !(std::ofstream(copy_) << text)) {
            throw std::runtime_error("can't write " + copy_);
        }
    }
    Substitute(const Substitute&) = delete;
    Substitute& operator=(const Substitute&) = delete;
    ~Substitute() {
        std::error_code ignored;
        std::filesystem::remove(copy_, ignored);
    }

    const std::string& path() const { return copy_.empty() ? original_ : copy_; }
    /// What SimGrid said, of the user's file.
    std::string told(std::string text) const {
        const std::size_t at = copy_.empty() ? std::string::npos : text.find(copy_);
        return at == std::string::npos ? text : text.replace(at, copy_.size(), original_);
    }

private:
    std::string original_;
    std::string copy_;
};

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
        while (!queue.empty() && queue.next_time() <= due) {
            queue.take()();
        }
        firing = false;
        arm();
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
        add(clock_now(), [done = std::move(transfer->done), ok] { done(ok); });
        transfers.erase(transfer->number);
    }

    std::uint64_t start(HostIndex from, HostIndex to, std::uint64_t bytes,
                        std::function<void(bool)> done) {
        const std::uint64_t number = ++next_transfer;
        auto owned = std::make_unique<Transfer>();
        Transfer& transfer = *owned;
        transfers.emplace(number, std::move(owned));
        transfer.moved_at = clock_now();
        transfer.remaining = static_cast<double>(std::max<std::uint64_t>(1, bytes)) + 1.0;
        transfer.number = number;
        transfer.done = std::move(done);
        s4u::CommPtr comm = s4u::Comm::sendto_init();
        comm->set_payload_size(std::max<std::uint64_t>(1, bytes));
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
                    "not one byte of a transfer has moved for 6 simulated hours: SimGrid lost it");
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
    mutable std::vector<s4u::Link*> route_links;
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
    if (auto checked = readable(file, "platform"); !checked) {
        return checked.error();
    }
    std::string text = read_text(file);
    if (!planned_actors(text).empty()) {
        return Error{Errc::usage, "platform file " + file +
                                      " has actors, so it is a deployment file: give the platform "
                                      "first and the deployment second"};
    }
    const Result<FailingResources> failing = read_failing_resources(file, with_profiles);
    if (!failing) {
        return failing.error();
    }
    const Substitute read(file, failing->text);
    try {
        if (!failing->text.empty()) {  // profiles beside the user's file are still found
            s4u::Engine::set_config("path:" +
                                    std::filesystem::absolute(file).parent_path().string());
        }
        impl_->engine->load_platform(read.path());
        impl_->engine->seal_platform();
    } catch (const std::exception& error) {
        return Error{Errc::usage, "platform file " + file + ": " + read.told(error.what())};
    }
    impl_->list_hosts();
    if (impl_->hosts.empty()) {
        return Error{Errc::usage, "platform file " + file + " has no host"};
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
    if (auto checked = readable(file, "deployment"); !checked) {
        return checked.error();
    }
    std::string text = read_text(file);
    impl_->actors = planned_actors(text);
    for (const PlannedActor& actor : impl_->actors) {
        if (!find_host(actor.host)) {
            return Error{Errc::usage, "deployment file " + file + ": an actor is placed on host '" +
                                          actor.host + "', which the platform does not have"};
        }
    }
    const Substitute read(file, text);
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
    std::vector<s4u::Link*>& links = impl_->route_links;
    links.clear();
    double latency = 0.0;  // route_to adds to it
    impl_->hosts[from]->route_to(impl_->hosts[to], links, &latency);
    SimRoute route;
    route.latency = from_seconds(latency);
    for (const s4u::Link* link : links) {
        const double bandwidth = link->get_bandwidth() * bandwidth_factor;
        if (route.bytes_per_second == 0.0 || bandwidth < route.bytes_per_second) {
            route.bytes_per_second = bandwidth;
        }
        route.up = route.up && link->is_on();
    }
    return route;
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
