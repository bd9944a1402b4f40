// Executes a node's effects, in order. Effects behind a write wait until it is durable: Raft
// requires this of votes and entries before they are answered (Ongaro, "Consensus: Bridging Theory
// and Practice", 2014, section 3.8), and one rule for all effects keeps the nodes free of it.
//
// A failed write ends the node (rule R6): after it nobody knows what is on the disk. Real stores
// block; in simulations a write takes time, during which inputs and effects wait (busy_until_).
// handle_together() is group commit (as in databases): one transaction for the inputs that are
// there.
#include "transport/node_runner.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/overloaded.hpp"
#include "core/merge/merge_segment.hpp"
#include "core/params/model_digest.hpp"

namespace starling {
namespace {

constexpr SwarmDuration close_limit = std::chrono::seconds(5);
/// Bound on inputs that share a commit, since all are in memory at once.
constexpr std::size_t together_max = 32;
constexpr std::size_t spare_max = 1024;  // effects that a vector which is used again has room for
/// A node without input for this long is idle.
constexpr SwarmDuration pause = std::chrono::milliseconds(5);

bool is_stop(const Effect& effect) { return std::holds_alternative<Stop>(effect); }

}  // namespace

WorkResult run_work(const Work& work, const Hasher& hasher, WorkStores stores) {
    if (const auto* merge = std::get_if<MergeWork>(&work)) {
        MergeResult result = merge_segment(*merge);
        result.digest = segment_digest(result.merged, hasher);  // while it is in the cache
        return result;
    }
    if (const auto* hash = std::get_if<HashWork>(&work)) {
        SegmentDigests result;
        for (const PlacedSegment& segment : hash->segments) {
            result.digests.emplace_back(segment.index, segment_digest(segment.bytes, hasher));
        }
        return result;
    }
    if (const auto* keep = std::get_if<KeepWork>(&work); keep != nullptr && stores.models) {
        Result<Segments> stored = stores.models->keep(*keep);
        return stored ? KeptReply{.stored = std::move(*stored)}
                      : KeptReply{.code = stored.error().code, .reason = stored.error().message};
    }
    Result<void> kept;
    if (const auto* write = std::get_if<WriteWork>(&work); write != nullptr && stores.models) {
        kept = stores.models->write(*write);
    } else if (const auto* state = std::get_if<KeepStateWork>(&work); state && stores.states) {
        kept = stores.states->keep_state(state->slot, state->state);
    } else if (std::holds_alternative<ForgetStatesWork>(work) && stores.states) {
        kept = stores.states->remove_states();
    }
    return kept ? KeptReply{}
                : KeptReply{.code = kept.error().code, .reason = kept.error().message};
}

std::uint64_t work_bytes(const Work& work) {
    const auto sum = [](std::span<const Blob> blobs) {
        std::uint64_t bytes = 0;
        for (const Blob& blob : blobs) {
            bytes += blob.size();
        }
        return bytes;
    };
    const auto sum_placed = [](const std::vector<PlacedSegment>& segments) {
        std::uint64_t bytes = 0;
        for (const PlacedSegment& segment : segments) {
            bytes += segment.bytes.size();
        }
        return bytes;
    };
    return std::visit(
        Overloaded{
            [](const TrainWork&) { return std::uint64_t{0}; },
            [&](const MergeWork& merge) { return sum(merge.contributions); },
            [&](const HashWork& hash) { return sum_placed(hash.segments); },
            [&](const WriteWork& write) { return sum_placed(write.segments); },
            [&](const KeepWork& keep) { return sum(keep.model.segments) - keep.written_bytes; },
            [](const KeepStateWork& keep) {
                return std::uint64_t{keep.state.program.state.size()};
            },
            [](const ForgetStatesWork&) { return std::uint64_t{0}; },
        },
        work);
}

Result<void> Store::begin_behind(const BeginBehind&) {
    return Error{Errc::io, "this store keeps whole logs only"};
}

Result<void> Store::append_older(const PersistOlder&) {
    return Error{Errc::io, "this store keeps whole logs only"};
}

Result<void> Store::write(std::span<const StoreWrite> writes) {
    Result<void> done;
    for (const StoreWrite& write : writes) {
        if (done) {
            done = std::visit(
                Overloaded{
                    [&](const Persist& persist) { return append(persist.first, persist.records); },
                    [&](const PersistVote& persist) { return save_vote(persist.vote); },
                    [&](const BeginBehind& begin) { return begin_behind(begin); },
                    [&](const PersistOlder& older) { return append_older(older); }},
                write);
        }
    }
    return done;
}

bool NodeRunner::busy() const { return busy_until_.has_value(); }

void NodeRunner::handle(Input&& input) {
    if (stopped_) {
        return;
    }
    if (busy()) {
        waiting_inputs().push_back(std::move(input));
        return;
    }
    step(input);
    handle_waiting();
}

void NodeRunner::step(const Input& input) {
    step_node(input, true);
    execute_waiting();
}

/// \param at_once  effects are executed here as far as none has to wait.
void NodeRunner::step_node(const Input& input, bool at_once) {
    now_ = std::max(now_, services_.endpoint.now());
    static thread_local std::vector<Effect> spare;  // its memory is used again and again
    std::vector<Effect> effects = std::move(spare);
    effects.clear();
    node_.step(now_, input, effects);
    for (Effect& effect : effects) {
        if (at_once && no_effect_waits() && !busy() && !stopped_) {
            execute(effect);
        } else {
            waiting_effects().push_back(std::move(effect));
        }
    }
    // Not of a push to 100,000 members.
    spare = effects.capacity() <= spare_max ? std::move(effects) : std::vector<Effect>();
}

void NodeRunner::handle_together(const std::vector<Input>& inputs, const NextInput& next) {
    step_together(inputs, next);
    handle_waiting();
}

void NodeRunner::step_together(const std::vector<Input>& inputs, const NextInput& next) {
    for (const Input& input : inputs) {
        if (stopped_ || stop_waits()) {
            break;
        }
        step_node(input, false);
    }
    // Of two check-ins the second one often comes while the signature of the first is verified.
    for (std::size_t handled = inputs.size(); next && takes_more(handled); ++handled) {
        const std::optional<Input> input = next();
        if (!input) {
            break;
        }
        step_node(*input, false);
    }
    write_waiting();
    execute_waiting();
}

bool NodeRunner::takes_more(std::size_t handled) const {
    return handled < together_max && !stopped_ && !stop_waits();
}

bool NodeRunner::stop_waits() const {
    return waiting_ && std::ranges::any_of(waiting_->effects, is_stop);
}

void NodeRunner::forget_waiting() {
    if (no_effect_waits() && no_input_waits()) {
        waiting_.reset();
    }
}

/// Executes pending writes ahead of other effects, in one transaction. That is safe: if it fails,
/// the node ends as if it had crashed before those effects.
void NodeRunner::write_waiting() {
    if (no_effect_waits()) {
        return;
    }
    std::vector<StoreWrite> writes;
    std::list<Effect> others;
    bool ended = false;
    for (Effect& effect : waiting_effects()) {
        ended = ended || is_stop(effect);
        if (auto* persist = std::get_if<Persist>(&effect); persist != nullptr && !ended) {
            writes.emplace_back(std::move(*persist));
        } else if (auto* vote = std::get_if<PersistVote>(&effect); vote != nullptr && !ended) {
            writes.emplace_back(*vote);
        } else if (auto* begin = std::get_if<BeginBehind>(&effect); begin != nullptr && !ended) {
            writes.emplace_back(std::move(*begin));
        } else if (auto* older = std::get_if<PersistOlder>(&effect); older != nullptr && !ended) {
            writes.emplace_back(std::move(*older));
        } else {
            others.push_back(std::move(effect));
        }
    }
    waiting_effects() = std::move(others);
    if (!writes.empty()) {
        after_write(store().write(writes));
    }
}

void NodeRunner::maintain_store() { after_write(services_.store->maintain()); }

/// Other nodes do not wait for a log line to be written.
void NodeRunner::execute_waiting() {
    std::list<Effect> reports;
    while (!no_effect_waits() && !busy() && !stopped_) {
        const auto first = waiting_effects().begin();
        if (std::holds_alternative<Report>(*first)) {
            reports.splice(reports.end(), waiting_effects(), first);
            continue;
        }
        std::list<Effect> effect;
        effect.splice(effect.end(), waiting_effects(), first);
        execute(effect.front());
    }
    if (!reports.empty()) {
        services_.endpoint.flush();
    }
    for (Effect& report : reports) {
        execute(report);
    }
}

/// For a write. \pre  there is one.
Store& NodeRunner::store() {
    STARLING_INVARIANT(services_.store != nullptr, "a node that persists has a store");
    services_.endpoint.flush();
    return *services_.store;
}

void NodeRunner::execute(Effect& effect) {
    std::visit(
        Overloaded{
            [&](Persist& persist) { after_write(store().append(persist.first, persist.records)); },
            [&](PersistVote& persist) { after_write(store().save_vote(persist.vote)); },
            [&](PersistSnapshot& persist) {
                after_snapshot(store().save_snapshot(persist.snapshot));
            },
            [&](BeginBehind& begin) { after_write(store().begin_behind(begin)); },
            [&](PersistOlder& older) { after_write(store().append_older(older)); },
            [&](Connect& connect) { services_.endpoint.connect(connect.address, connect.role); },
            [&](Send& send) {
                services_.endpoint.send(send.to, std::move(send.frame), send.group);
            },
            [&](CancelSends& cancel) { services_.endpoint.cancel_sends(cancel.group, cancel.to); },
            [&](PinPeer& pin) { services_.endpoint.pin(pin); },
            [&](MeasureArrivals&) { waiting_inputs().push_back(services_.endpoint.arrivals()); },
            [&](SetTimer& timer) { set_timer(timer.timer, timer.at); },
            [&](CancelTimer& timer) { cancel_timer(timer.timer); },
            [&](StartWork& work) { services_.work.start(work.work, std::move(work.what)); },
            [&](Report& report) { services_.trace.report(now_, node_.id(), report.event); },
            [&](Stop& stop) { stopped_ = stop; },
        },
        effect);
}

/// Handles inputs that waited for the disk, and answers to MeasureArrivals.
void NodeRunner::handle_waiting() {
    while (!busy() && !stopped_ && !no_input_waits()) {
        std::list<Input>& waiting = waiting_inputs();
        if (services_.group_commits && waiting.size() > 1) {
            const auto begin = waiting.begin();
            const auto end = std::next(
                begin, static_cast<std::ptrdiff_t>(std::min(together_max, waiting.size())));
            const std::vector<Input> inputs(std::make_move_iterator(begin),
                                            std::make_move_iterator(end));
            waiting.erase(begin, end);
            step_together(inputs);
            continue;
        }
        const Input input = std::move(waiting.front());
        waiting.pop_front();
        step(input);
    }
    forget_waiting();
}

void NodeRunner::after_write(const Result<void>& kept) {
    if (!kept) {
        services_.trace.report(
            now_, node_.id(),
            TraceEvent("store_failed").log(Level::error, "store", kept.error().message));
        stopped_ = Stop{exit_code::failed, kept.error().message};
        return;
    }
    wait_for_store();
}

/// The log has all that a snapshot has, so a node goes on without it.
void NodeRunner::after_snapshot(const Result<void>& kept) {
    if (!kept) {
        services_.trace.report(
            now_, node_.id(),
            TraceEvent("snapshot_failed")
                .log(Level::warning, "store",
                     "No snapshot of the ledger was made: " + kept.error().message +
                         ". The next start takes longer, and the next snapshot is tried again"));
        return;
    }
    wait_for_store();
}

void NodeRunner::wait_for_store() {
    const SwarmDuration cost = services_.store->append_duration();
    if (cost > SwarmDuration{0}) {
        busy_until_ = services_.endpoint.now() + cost;
    }
}

void NodeRunner::wake() {
    const SwarmTime now = services_.endpoint.now();
    if (busy_until_ && *busy_until_ <= now) {
        busy_until_.reset();
        execute_waiting();
        handle_waiting();
    }
    // A timer that is set meanwhile fires at the next wake() at the earliest, so this ends.
    std::vector<std::uint32_t> due;
    for (const auto& [timer, at] : timers_) {
        if (at <= now) {
            due.push_back(timer);
        }
    }
    for (const std::uint32_t timer : due) {
        if (cancel_timer(timer)) {
            handle(TimerDue{timer});
        }
    }
}

void NodeRunner::set_timer(std::uint32_t timer, SwarmTime at) {
    const auto place =
        std::ranges::lower_bound(timers_, timer, {}, [](auto& one) { return one.first; });
    if (place != timers_.end() && place->first == timer) {
        place->second = at;
    } else {
        timers_.emplace(place, timer, at);
    }
}

/// \return  whether it was set.
bool NodeRunner::cancel_timer(std::uint32_t timer) {
    return std::erase_if(timers_, [timer](const auto& one) { return one.first == timer; }) > 0;
}

std::optional<SwarmTime> NodeRunner::deadline() const {
    if (stopped_) {
        return std::nullopt;
    }
    std::optional<SwarmTime> earliest = busy_until_;
    for (const auto& [timer, at] : timers_) {
        if (!earliest || at < *earliest) {
            earliest = at;
        }
    }
    return earliest;
}

int run_node(Node& node, PolledEndpoint& endpoint, Store* store, WorkExecutor& work,
             TraceSink& trace) {
    NodeRunner runner(node, {endpoint, store, work, trace});
    runner.handle_together({Started{}});
    constexpr SwarmDuration idle = std::chrono::hours(1);
    const NodeRunner::NextInput arrived = [&] { return endpoint.receive_until(endpoint.now()); };
    while (!runner.stopped()) {
        const bool maintenance_due = store != nullptr && store->needs_maintenance();
        const SwarmTime now = endpoint.now();
        const SwarmTime deadline = runner.deadline().value_or(now + idle);
        const SwarmTime until = maintenance_due ? std::min(deadline, now + pause) : deadline;
        if (std::optional<Input> input = endpoint.receive_until(until)) {
            std::vector<Input> inputs;
            inputs.push_back(std::move(*input));
            runner.handle_together(inputs, store != nullptr ? arrived : NodeRunner::NextInput());
        } else if (maintenance_due) {
            runner.maintain_store();
        }
        if (const auto due = runner.deadline(); due && *due <= endpoint.now()) {
            runner.wake();
        }
    }
    endpoint.close(close_limit);
    return runner.stopped()->exit_code;
}

}  // namespace starling
