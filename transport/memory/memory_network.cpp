// A discrete-event simulation of a network, in one thread: events are ordered by time, and those of
// one time by insertion, so that the seed alone determines a run.
//
// Frames of a connection arrive in the order sent, as with TCP (`last_arrival`), unless a fault
// breaks this. Each connection has an epoch and each start of a process an incarnation: events that
// were scheduled for earlier ones are dropped. Work is executed when its simulated time is over, so
// a node that crashes before has stored nothing.
#include "transport/memory/memory_network.hpp"

#include <algorithm>

#include "core/base/start_text.hpp"
#include "transport/name_refusal.hpp"

namespace starling {
namespace {

constexpr SwarmDuration local_delay = std::chrono::microseconds(20);

}  // namespace

struct MemoryNetwork::Process final : public Endpoint, public WorkExecutor, public TraceSink {
    Process(MemoryNetwork& network, MemoryNodeSpec node_spec)
        : net(network), spec(std::move(node_spec)) {}

    SwarmTime now() const override { return local(net.now_); }
    SwarmTime local(SwarmTime time) const {
        const double drifted = static_cast<double>(to_ns(time)) * clock.drift;
        return time + clock.offset + SwarmDuration{static_cast<std::int64_t>(drifted)};
    }
    /// The earliest network time at which this node's clock shows `time` or later.
    SwarmTime global(SwarmTime time) const {
        const auto ns = static_cast<double>(to_ns(time - clock.offset));
        SwarmTime found = from_ns(static_cast<std::int64_t>(ns / (1.0 + clock.drift)));
        while (local(found) < time) {
            found += SwarmDuration{1};
        }
        return found;
    }
    void report(SwarmTime, const NodeId& reporter, const TraceEvent& event) override {
        net.trace_.report(net.now_, reporter, event);
    }
    void connect(const Address& address, Role role) override { net.connect(*this, address, role); }
    void send(const NodeId& to, Frame frame, SendGroup group) override {
        net.send(*this, to, std::move(frame), group);
    }
    void cancel_sends(SendGroup group, const std::optional<NodeId>& to) override {
        net.cancel_sends(id, group, to);
    }
    Arrivals arrivals() const override { return net.arrivals(id); }
    void pin(const PinPeer& pin) override { net.pin(*this, pin); }
    void start(std::uint64_t work, Work what) override {
        net.start_work(*this, work, std::move(what));
    }
    bool running() const { return runner != nullptr && !runner->stopped(); }

    MemoryNetwork& net;
    MemoryNodeSpec spec;
    NodeId id;  ///< see MemoryNodeSpec::process
    NodeId node_id;
    std::map<NodeId, NodeId> peers;  ///< node -> the process last connected under this name
    std::map<NodeId, std::optional<CaFingerprint>> pins;
    std::uint64_t incarnation = 0;  ///< number of this start
    std::unique_ptr<Node> node;
    std::unique_ptr<ProgramModel> program;
    std::unique_ptr<NodeRunner> runner;
    NodeClock clock;
    NodeClock next_clock;  ///< `clock` from its next start on
    // When all work of each kind that was started so far is done.
    SwarmTime worker_free{};
    SwarmTime disk_free{};
    std::optional<SwarmTime> armed;  ///< time of the next wake; events for others are stale
    bool ended = false;              ///< it has stopped, and its connections are being closed
};

MemoryNetwork::MemoryNetwork(std::uint64_t seed, const Hasher& hasher, TraceSink& trace)
    : random_(seed), hasher_(hasher), trace_(trace) {}

MemoryNetwork::~MemoryNetwork() = default;

NodeId MemoryNetwork::add(MemoryNodeSpec spec) {
    auto process = std::make_unique<Process>(*this, std::move(spec));
    process->node = process->spec.make();
    process->node_id = process->node->id();
    process->id = process->spec.process.empty() ? process->node_id : NodeId{process->spec.process};
    Process& added = *process;
    STARLING_INVARIANT(processes_.emplace(added.id, std::move(process)).second, "names are unique");
    launch(added);
    return added.id;
}

void MemoryNetwork::launch(Process& process) {
    ++process.incarnation;
    process.ended = false;
    process.pins.clear();
    process.armed.reset();
    process.clock = process.next_clock;
    if (process.spec.store != nullptr) {
        process.spec.store->drop_draft();
    }
    if (process.spec.program) {
        process.program = process.spec.program();
    }
    process.runner = std::make_unique<NodeRunner>(
        *process.node, NodeServices{process, process.spec.store, process, process});
    schedule(now_, [this, id = process.id, incarnation = process.incarnation] {
        dispatch(id, incarnation, Started{});
    });
}

void MemoryNetwork::set_clock(const NodeId& node, NodeClock clock) {
    processes_.at(node)->next_clock = clock;
}

void MemoryNetwork::crash(const NodeId& node) {
    Process& process = *processes_.at(node);
    if (process.running() && process.spec.store != nullptr) {
        process.spec.store->crash(process.runner->writing(), random_);
    }
    process.runner.reset();
    process.node.reset();
    process.program.reset();
    cut_all(node, "connection reset");
}

void MemoryNetwork::restart(const NodeId& node) {
    Process& process = *processes_.at(node);
    cut_all(node, "connection reset");
    process.runner.reset();
    process.node = process.spec.make();
    launch(process);
}

void MemoryNetwork::partition(const std::set<NodeId>& side) {
    side_ = side;
    for (const auto& [pair, state] : connections_) {
        if (state.up && separated(*processes_.at(pair.first), *processes_.at(pair.second))) {
            cut(pair.first, pair.second, "no route to host");
        }
    }
}

void MemoryNetwork::block(const NodeId& a, const NodeId& b) {
    blocked_.insert(std::minmax(a, b));
    cut(a, b, "no route to host");
}

bool MemoryNetwork::separated(const Process& a, const Process& b) const {
    return a.spec.host != b.spec.host &&
           (side_.count(a.id) != side_.count(b.id) || blocked_.count(std::minmax(a.id, b.id)) > 0);
}

void MemoryNetwork::deliver(const NodeId& node, Input input) {
    dispatch(node, processes_.at(node)->incarnation, std::move(input));
}

void MemoryNetwork::at(SwarmTime time, std::function<void()> action) {
    schedule(time, std::move(action));
}

void MemoryNetwork::schedule(SwarmTime time, std::function<void()> action) {
    events_.push_back({std::max(time, now_), next_order_++, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), later);
}

SwarmDuration MemoryNetwork::delay() {
    const auto spread = static_cast<std::uint64_t>((faults.delay_max - faults.delay_min).count());
    return faults.delay_min + SwarmDuration{static_cast<std::int64_t>(random_.below(spread + 1))};
}

MemoryNetwork::Connection& MemoryNetwork::connection(const NodeId& a, const NodeId& b) {
    return connections_[a < b ? std::pair(a, b) : std::pair(b, a)];
}

void MemoryNetwork::connect(Process& from, const Address& address, Role role) {
    Process* target = nullptr;
    for (auto& [id, process] : processes_) {
        const auto& listen = process->spec.listen;
        const bool here = address.port != 0 || process->spec.host == from.spec.host;
        if (process->running() && here &&
            std::find(listen.begin(), listen.end(), address) != listen.end()) {
            target = process.get();
        }
    }
    const SwarmTime done = now_ + 2 * delay();
    const auto answer = [&](Error error, bool fatal) {
        schedule(done, [this, id = from.id, incarnation = from.incarnation, address,
                        failed = std::move(error), fatal] {
            dispatch(id, incarnation, ConnectFailed{address, failed, fatal});
        });
    };
    const auto unreachable = [this](const Process& a, const Process& b) {
        return separated(a, b) || muted_.count({a.id, b.id}) > 0 || muted_.count({b.id, a.id}) > 0;
    };
    if (target == nullptr || unreachable(from, *target)) {
        answer({Errc::unreachable, "nothing answers at " + to_string(address)}, false);
        return;
    }
    if (target->node->role() != role || target->spec.accepts.count(from.node->role()) == 0) {
        answer({Errc::refused, "wrong role at " + to_string(address)}, true);
        return;
    }
    schedule(done, [this, a = from.id, b = target->id, address, ia = from.incarnation,
                    ib = target->incarnation, unreachable] {
        Process& dialler = *processes_.at(a);
        Process& listener = *processes_.at(b);
        if (dialler.incarnation != ia || !dialler.running()) {
            return;
        }
        if (listener.incarnation != ib || !listener.running() || unreachable(dialler, listener)) {
            dispatch(a, ia,
                     ConnectFailed{address, {Errc::unreachable, "connection refused"}, false});
            return;
        }
        for (const auto& [at, fresh] : {std::pair(&listener, &dialler), {&dialler, &listener}}) {
            if (const std::optional<Error> error = refusal_of(*at, *fresh)) {
                dispatch(a, ia, ConnectFailed{address, *error, true});
                return;
            }
        }
        if (dialler.node_id == listener.node_id || !replace_older(listener, dialler)) {
            const Error error{Errc::replaced,
                              replaced_text(dialler.node_id, "another host", next_epoch_)};
            dispatch(a, ia, ConnectFailed{address, error, true});
            return;
        }
        if (!replace_older(dialler, listener)) {
            dispatch(a, ia, ConnectFailed{address, {Errc::refused, "an earlier start"}, true});
            return;
        }
        dialler.peers[listener.node_id] = b;
        listener.peers[dialler.node_id] = a;
        connection(a, b) = Connection{next_epoch_++, true, {now_, now_}, {}};
        const auto up = [](const Process& peer, const Address& dialled) {
            return PeerUp{peer.node_id, peer.node->role(), dialled, peer.node->session(),
                          peer.spec.ca};
        };
        dispatch(b, ib, up(dialler, {}));
        dispatch(a, ia, up(listener, address));
    });
}

/// Why `at` must not accept `fresh` under its name; nothing: it may.
std::optional<Error> MemoryNetwork::refusal_of(const Process& at, const Process& fresh) {
    const Process* older = connected_as(at, fresh.node_id);
    const auto pin = at.pins.find(fresh.node_id);
    return name_refusal(fresh.node_id, fresh.spec.ca, pin == at.pins.end() ? nullptr : &pin->second,
                        older == nullptr ? nullptr : &older->spec.ca);
}

void MemoryNetwork::pin(Process& at, const PinPeer& pin) {
    if (pin.lifted) {
        at.pins.erase(pin.node);
        return;
    }
    at.pins[pin.node] = pin.ca;
    const Process* peer = connected_as(at, pin.node);
    if (peer == nullptr) {
        return;
    }
    if (const auto refused = name_refusal(pin.node, peer->spec.ca, &pin.ca, nullptr)) {
        // Deferred, since this runs while the node executes its effects.
        schedule(now_, [this, a = at.id, b = peer->id, why = refused->message] { cut(a, b, why); });
    }
}

/// The process that is connected with `at` under the name `node`; nullptr: none.
MemoryNetwork::Process* MemoryNetwork::connected_as(const Process& at, const NodeId& node) {
    const auto peer = at.peers.find(node);
    return peer != at.peers.end() && connection(at.id, peer->second).up
               ? processes_.at(peer->second).get()
               : nullptr;
}

/// Cuts the connection of `at` with an older start of `fresh`. \return  false: the connected one is
/// a later start, which `fresh` must not replace.
bool MemoryNetwork::replace_older(const Process& at, const Process& fresh) {
    const Process* older = connected_as(at, fresh.node_id);
    if (older == nullptr) {
        return true;
    }
    if (fresh.node->session() != 0 && fresh.node->session() < older->node->session()) {
        return false;
    }
    cut(at.id, older->id, "replaced by a newer connection");
    return true;
}

void MemoryNetwork::send(Process& from, const NodeId& node, Frame frame, SendGroup group) {
    const Process* peer = connected_as(from, node);
    if (peer == nullptr) {
        return;
    }
    const NodeId& to = peer->id;
    Connection& link = connection(from.id, to);
    const Process& target = *peer;
    Lane& lane = link.lane[from.id < to ? 1 : 0];
    const bool limited = faults.bytes_per_second > 0 && from.spec.host != target.spec.host;
    if (!limited && lane.queue.empty()) {
        transmit(from, target, link, std::move(frame));
        return;
    }
    lane.queue.push_back({std::move(frame), group});
    if (lane.queue.size() == 1) {
        start_transmission(from.id, to);
    }
}

void MemoryNetwork::start_transmission(const NodeId& from, const NodeId& to) {
    Connection& link = connection(from, to);
    Lane& lane = link.lane[from < to ? 1 : 0];
    constexpr double head_bytes = 100;  // approximate size of a frame without its body
    const double bytes = head_bytes + static_cast<double>(lane.queue.front().frame.body.size());
    lane.began = now_;
    lane.bytes_per_second = faults.bytes_per_second;
    const SwarmDuration takes =
        lane.bytes_per_second > 0 ? from_seconds(bytes / lane.bytes_per_second) : SwarmDuration{0};
    schedule(now_ + takes, [this, from, to, epoch = link.epoch] {
        Connection& now = connection(from, to);
        if (!now.up || now.epoch != epoch) {
            return;
        }
        Lane& leaving = now.lane[from < to ? 1 : 0];
        Frame frame = std::move(leaving.queue.front().frame);
        leaving.queue.pop_front();
        transmit(*processes_.at(from), *processes_.at(to), now, std::move(frame));
        if (now.up && !leaving.queue.empty()) {
            start_transmission(from, to);
        }
    });
}

void MemoryNetwork::cancel_sends(const NodeId& from, SendGroup group,
                                 const std::optional<NodeId>& to) {
    for (auto& [pair, link] : connections_) {
        const NodeId& other = pair.first == from ? pair.second : pair.first;
        std::deque<Paced>& queue = link.lane[from < other ? 1 : 0].queue;
        const bool of_node = pair.first == from || pair.second == from;
        if (!of_node || (to && *to != processes_.at(other)->node_id) || queue.empty()) {
            continue;
        }
        Paced leaving = std::move(queue.front());
        queue.pop_front();
        std::erase_if(queue, [&](const Paced& paced) { return paced.group == group; });
        queue.push_front(std::move(leaving));
    }
}

Arrivals MemoryNetwork::arrivals(const NodeId& at) const {
    Arrivals arrivals;
    for (const auto& [pair, link] : connections_) {
        if (!link.up || (pair.first != at && pair.second != at)) {
            continue;
        }
        const NodeId& from = pair.first == at ? pair.second : pair.first;
        const Lane& lane = link.lane[from < at ? 1 : 0];
        if (!lane.queue.empty() && !lane.queue.front().frame.body.empty()) {
            const double bytes = lane.bytes_per_second * to_seconds(now_ - lane.began);
            arrivals.body_bytes[processes_.at(from)->node_id] =
                std::min(static_cast<std::uint64_t>(bytes), lane.queue.front().frame.body.size());
        }
    }
    return arrivals;
}

/// Transmits a frame; faults may lose, duplicate or reorder it here.
void MemoryNetwork::transmit(const Process& from, const Process& target, Connection& link,
                             Frame frame) {
    const NodeId& to = target.id;
    const bool local = from.spec.host == target.spec.host;
    if (!local && faults.reset > 0 && random_.chance(faults.reset)) {
        cut(from.id, to, "connection reset");
        return;
    }
    if (!local && faults.drop > 0 && random_.chance(faults.drop)) {
        return;
    }
    if (!muted_.empty() && muted_.count({from.id, to}) > 0) {
        return;
    }
    const bool twice = !local && faults.duplicate > 0 && random_.chance(faults.duplicate);
    const bool overtakes = !local && faults.reorder > 0 && random_.chance(faults.reorder);
    SwarmTime& last = link.last_arrival[from.id < to ? 1 : 0];
    std::optional<Frame> again;
    if (twice) {
        again = frame;
    }
    SwarmTime arrival = now_ + (local ? local_delay : delay());
    if (overtakes) {
        arrival += delay() * 3;
    } else {
        arrival = std::max(arrival, last);
        last = arrival;
    }
    deliver_at(arrival, from.id, to, link.epoch, std::move(frame));
    if (again) {
        const SwarmTime later = now_ + delay();
        deliver_at(later + delay() * 3, from.id, to, link.epoch, std::move(*again));
    }
}

void MemoryNetwork::deliver_at(SwarmTime time, const NodeId& from, const NodeId& to,
                               std::uint64_t epoch, Frame frame) {
    schedule(time, [this, from, to, epoch, sent = std::move(frame)]() mutable {
        const Connection& link = connection(from, to);
        if (link.up && link.epoch == epoch) {
            ++frames_delivered_;
            if (processes_.at(from)->spec.host != processes_.at(to)->spec.host) {
                body_bytes_delivered_ += sent.body.size();
            }
            dispatch(to, processes_.at(to)->incarnation,
                     FrameReceived{processes_.at(from)->node_id, std::move(sent)});
        }
    });
}

void MemoryNetwork::cut(const NodeId& a, const NodeId& b, const std::string& reason) {
    Connection& link = connection(a, b);
    if (!link.up) {
        return;
    }
    link.up = false;
    for (const auto& [at, of] : {std::pair(a, b), std::pair(b, a)}) {
        const Process& process = *processes_.at(at);
        if (process.running()) {
            schedule(now_ + delay(), [this, node = at, incarnation = process.incarnation,
                                      lost = PeerLost{processes_.at(of)->node_id, reason}] {
                if (connected_as(*processes_.at(node), lost.peer) == nullptr) {
                    dispatch(node, incarnation, lost);
                }
            });
        }
    }
}

void MemoryNetwork::cut_all(const NodeId& node, const std::string& reason) {
    for (const auto& [pair, link] : connections_) {
        if (link.up && (pair.first == node || pair.second == node)) {
            cut(pair.first, pair.second, reason);
        }
    }
}

void MemoryNetwork::start_work(Process& process, std::uint64_t work, Work what) {
    if (auto* train = std::get_if<TrainWork>(&what)) {
        STARLING_INVARIANT(process.program != nullptr, "an ML node has a program");
        auto [request, duration] = process.program->resume(std::move(train->reply));
        schedule(now_ + duration, [this, id = process.id, incarnation = process.incarnation,
                                   finished = WorkDone{work, std::move(request)}] {
            dispatch(id, incarnation, finished);
        });
        return;
    }
    const bool stores = is_storage(what);
    const double seconds = static_cast<double>(work_bytes(what)) /
                           (stores ? disk_bytes_per_second : work_bytes_per_second);
    SwarmTime& free = stores ? process.disk_free : process.worker_free;
    free = std::max(free, now_) + from_seconds(seconds);
    // Executed when its time is over, so that a node that crashes before has stored nothing.
    schedule(free, [this, id = process.id, incarnation = process.incarnation, work,
                    what = std::move(what)] {
        Process& worker = *processes_.at(id);
        if (worker.running() && worker.incarnation == incarnation) {
            dispatch(
                id, incarnation,
                WorkDone{work, run_work(what, hasher_, {worker.spec.store, worker.spec.store})});
        }
    });
}

void MemoryNetwork::dispatch(const NodeId& node, std::uint64_t incarnation, Input input) {
    Process& process = *processes_.at(node);
    if (!process.running() || process.incarnation != incarnation) {
        return;
    }
    process.runner->handle(std::move(input));
    rearm(process);
}

void MemoryNetwork::rearm(Process& process) {
    if (process.runner->stopped()) {
        if (!process.ended) {
            process.ended = true;
            // Frames sent before the stop still arrive; then the connections close.
            schedule(now_ + 4 * faults.delay_max,
                     [this, id = process.id, incarnation = process.incarnation] {
                         if (processes_.at(id)->incarnation == incarnation) {
                             cut_all(id, "the peer has stopped");
                         }
                     });
        }
        return;
    }
    std::optional<SwarmTime> due = process.runner->deadline();
    if (due) {
        due = process.global(*due);
    }
    if (!due || (process.armed && *process.armed <= *due && *process.armed > now_)) {
        return;
    }
    process.armed = due;
    schedule(*due, [this, id = process.id, incarnation = process.incarnation, at = *due] {
        Process& woken = *processes_.at(id);
        if (woken.running() && woken.incarnation == incarnation && woken.armed == at) {
            woken.armed.reset();
            woken.runner->wake();
            rearm(woken);
        }
    });
}

bool MemoryNetwork::run(const std::function<bool()>& done, SwarmTime limit) {
    while (!done()) {
        if (events_.empty() || events_.front().time > limit) {
            return false;
        }
        std::pop_heap(events_.begin(), events_.end(), later);
        const Event event = std::move(events_.back());
        events_.pop_back();
        now_ = event.time;
        event.action();
    }
    return true;
}

std::optional<Stop> MemoryNetwork::stopped(const NodeId& node) const {
    const Process& process = *processes_.at(node);
    return process.runner ? process.runner->stopped() : std::nullopt;
}

bool MemoryNetwork::all_stopped(const std::set<NodeId>& nodes) const {
    return std::all_of(nodes.begin(), nodes.end(),
                       [this](const NodeId& id) { return stopped(id).has_value(); });
}

}  // namespace starling
