#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/board/curves.hpp"
#include "core/board/licence_state.hpp"
#include "core/board/link_table.hpp"
#include "core/board/node_table.hpp"
#include "core/board/notes.hpp"
#include "core/board/platform_table.hpp"
#include "core/board/round_table.hpp"
#include "core/board/run_observer.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {

/// How much of a run is kept: what is older is dropped, and the JSON says how much.
struct RunModelLimits {
    std::size_t nodes = 20'000;
    std::size_t spans = 100'000;
    std::size_t rounds = 5'000;
    std::size_t points = 50'000;
    std::size_t transfers = 30'000;
    std::size_t link_uses = 30'000;
    std::size_t log = 2'000;
    std::size_t alarms = 500;
};

/// A run of a swarm as a person wants to see it, made of the trace events of its nodes: who does
/// what since when, which round is on, for whom it waits, what was committed, and what went wrong.
/// The same for a recorded, a simulated and a running swarm. Its memory is bounded by the limits,
/// whatever the events say.
///
/// Events of one node come in order; those of different nodes may be some seconds out of order, as
/// clocks of hosts differ.
class RunModel final : public TraceSink {
public:
    explicit RunModel(RunModelLimits limits = {});
    RunModel(const RunModel&) = delete;
    RunModel& operator=(const RunModel&) = delete;

    /// \param time_ns  since the start of a simulation, or since 1970
    void add(std::int64_t time_ns, std::string_view node, const TraceEvent& event);
    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        add(to_ns(time), node.name, event);
    }
    /// Tells `observer`, which must outlive this, of all that follows.
    void set_observer(RunObserver& observer);
    /// See virtual_time().
    void set_virtual_time() { virtual_time_ = true; }
    /// A start line of a trace (trace_start_mark): it gives role and kind of the run.
    void add_start(std::string_view line);
    /// The time has come this far, also if nothing happened: unless the newest event is longer ago
    /// than `quiet_max_us`, as in a run of the past, or all nodes have ended.
    void reached(std::int64_t time_ns, std::int64_t quiet_max_us);

    /// Time begins at 0, as in a simulation; else it is wall-clock time.
    bool virtual_time() const { return virtual_time_; }
    /// Of a live swarm: an SN has answered. Until then, after event server_lost, none does.
    void answered();
    /// The node has given a sign of life at that time.
    void heard(std::int64_t time_ns, std::string_view node);
    /// The node runs on that host.
    void placed(std::string_view node, std::string_view host);
    /// The certificate with which a node has started expires then, seconds since 1970.
    void certificate_until(std::string_view node, std::int64_t seconds);
    /// Grows with every change.
    std::uint64_t version() const { return now_.version; }
    /// Errors in the input; counted and shown.
    void add_unreadable_lines(std::uint64_t count);

    /// The members of one JSON object, see core/board/FORMAT.md. With `since` > 0 only what has
    /// changed after that version: lists contain the changed items, identified by "id" or "index".
    void write(JsonWriter& json, std::uint64_t since = 0) const;
    std::string json(std::uint64_t since = 0) const;

private:
    void note(std::size_t node, const TraceEvent& event);
    void add_of_ml(std::size_t node, std::string_view name, const EventFields& fields);
    void add_of_sl(std::size_t node, std::string_view name, const EventFields& fields);
    void add_of_sn(std::size_t node, std::string_view name, const EventFields& fields);
    void add_of_contract(std::size_t sn, std::string_view name, const EventFields& fields);
    void add_of_platform(std::size_t node, std::string_view name, const EventFields& fields);
    void add_of_tool(std::string_view name, const EventFields& fields);
    void joins(std::size_t node, const std::string& contract);
    void node_ended(std::size_t node);
    void note_check_in(std::size_t node, std::uint64_t round, const EventFields& fields);
    void add_of_any(std::size_t node, std::string_view name, const EventFields& fields);
    /// What an SN says of a node that has no trace of its own here.
    void told(std::size_t node, NodeActivity state, std::uint64_t round);
    void enter(std::size_t node, NodeActivity state, std::uint64_t round) {
        nodes_.enter(node, state, round, now_);
    }
    std::string contract_of(std::size_t node) const;
    std::int64_t us_of(std::int64_t time_ns) const;

    NodeTable nodes_;
    RoundTable rounds_;
    Notes notes_;
    Curves curves_;
    LinkTable links_;
    PlatformTable platform_;
    LicenceState licence_;
    RunObserver* observer_ = nullptr;
    Moment now_;
    std::optional<std::int64_t> start_ns_;
    std::int64_t latest_us_ = 0;
    bool virtual_time_ = false;
    std::string leader_;
    std::uint64_t term_ = 0;
    std::int64_t server_lost_us_ = -1;  ///< since then no SN answers; -1: one does
    std::uint64_t events_ = 0;
    std::uint64_t unreadable_ = 0;
};

}  // namespace starling
