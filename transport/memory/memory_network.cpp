// A discrete-event simulation of a network, in one thread: events are ordered by time, and those of
// one time by insertion, so that the seed alone determines a run.
//
// Frames of a connection arrive in the order sent, as with TCP (`last_arrival`), unless a fault
// breaks this. Each connection has an epoch and each start of a process an incarnation: events that
// were scheduled for earlier ones are dropped. Work is executed when its simulated time is over, so
// a node that crashes before has stored nothing.
#include "transport/memory/memory_network.hpp"

#include <algorithm>

#include "transport/memory/memory_process.hpp"

namespace starling {

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
    if (const auto* keep = std::get_if<KeepStateWork>(&what); keep && process.spec.store) {
        process.spec.store->lose_state(keep->slot);  // written in place
    }
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
    const bool stopped = process.runner && process.runner->stopped();
    return stopped ? std::optional(*process.runner->stopped()) : std::nullopt;
}

bool MemoryNetwork::all_stopped(const std::set<NodeId>& nodes) const {
    return std::all_of(nodes.begin(), nodes.end(),
                       [this](const NodeId& id) { return stopped(id).has_value(); });
}

}  // namespace starling
