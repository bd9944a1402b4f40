// Slices are pairs of begin and end events ("B", "E"), which nest in the order of the file; so a
// slice is written when it begins, and a file that was cut off can still be read. Format: the
// document "Trace Event Format" of Chromium. Times are in microseconds.
#include "core/board/timeline.hpp"

#include <algorithm>

#include "core/base/json_writer.hpp"
#include "core/board/event_words.hpp"
#include "core/trace/event_fields.hpp"

namespace starling {
namespace {

// Of the counters of all members. Nodes have greater numbers: 0 is the idle process of a kernel.
constexpr std::size_t swarm_pid = 1;
constexpr int slices_tid = 1;

std::size_t pid_of(std::size_t node) { return swarm_pid + 1 + node; }

bool is_of_a_round(NodeActivity activity) {
    return activity >= NodeActivity::training && activity <= NodeActivity::catching_up;
}

bool is_over(NodeActivity activity) {
    return activity == NodeActivity::ended || activity == NodeActivity::failed;
}

/// Whether people look for it on a timeline.
bool is_notable(const EventWords& words) {
    constexpr std::array<std::string_view, 7> more = {
        "host_on",   "link_up",      "leader_elected", "round_committed",
        "caught_up", "node_stopped", "final_model"};
    return words.alarm || std::find(more.begin(), more.end(), words.event) != more.end();
}

}  // namespace

Timeline::Timeline(std::function<void(std::string_view)> write) : write_(std::move(write)) {
    write_("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [");
    JsonWriter json;
    begin(json, 'M', swarm_pid, 0);
    json.field("name", "process_name").key("args").begin_object().field("name", "swarm");
    json.end_object();
    end(json);
}

void Timeline::begin(JsonWriter& json, char phase, std::size_t pid, std::int64_t us) {
    json.begin_object()
        .field("ph", std::string_view(&phase, 1))
        .field("pid", pid)
        .field("tid", slices_tid)
        .field("ts", us);
}

void Timeline::end(JsonWriter& json) {
    json.end_object();
    write_(first_ ? "\n" : ",\n");
    first_ = false;
    write_(json.take());
}

Timeline::Track& Timeline::track_of(std::size_t index, const BoardNode& node) {
    if (index >= tracks_.size()) {
        tracks_.resize(index + 1);
    }
    Track& track = tracks_[index];
    if (!track.named) {
        track.named = true;
        JsonWriter json;
        begin(json, 'M', pid_of(index), 0);
        json.field("name", "process_name").key("args").begin_object();
        json.field("name", node.name).end_object();
        end(json);
    }
    return track;
}

void Timeline::count(const Track& track, int by) {
    if (track.member && track.activity) {
        std::uint64_t& members = members_.at(static_cast<std::size_t>(*track.activity));
        members = by > 0 ? members + 1 : members - 1;
        counts_changed_ = true;
    }
}

void Timeline::write_counts() {
    if (!counts_changed_) {
        return;
    }
    counts_changed_ = false;
    JsonWriter json;
    begin(json, 'C', swarm_pid, counted_us_);
    json.field("name", "members").key("args").begin_object();
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const auto activity = static_cast<NodeActivity>(i);
        if (is_of_a_round(activity) || activity == NodeActivity::down) {
            json.field(to_string(activity), members_[i]);
        }
    }
    json.end_object();
    end(json);
}

void Timeline::close_activity(std::size_t index, Track& track, std::int64_t us) {
    if (track.activity) {
        count(track, -1);
        track.activity.reset();
        JsonWriter json;
        begin(json, 'E', pid_of(index), us);
        end(json);
    }
}

void Timeline::close_round(std::size_t index, Track& track, std::int64_t us) {
    if (track.round) {
        track.round.reset();
        JsonWriter json;
        begin(json, 'E', pid_of(index), us);
        end(json);
    }
}

void Timeline::entered(std::size_t index, const BoardNode& node, std::int64_t us) {
    Track& track = track_of(index, node);
    const bool of_round = is_of_a_round(node.state);
    if (track.activity == node.state && (!of_round || track.round == node.round)) {
        return;
    }
    if (us > counted_us_) {
        write_counts();
        counted_us_ = us;
    }
    us = track.us = std::max(us, track.us);
    latest_us_ = std::max(latest_us_, us);
    close_activity(index, track, us);
    if (!of_round || track.round != node.round) {
        close_round(index, track, us);
    }
    const auto open = [&](std::string_view name, std::string_view category) {
        JsonWriter json;
        begin(json, 'B', pid_of(index), us);
        json.field("name", name).field("cat", category);
        end(json);
    };
    if (of_round && !track.round) {
        track.round = node.round;
        open("round " + std::to_string(node.round), "round");
    }
    if (!is_over(node.state)) {
        track.member = node.role == Role::sl;
        track.activity = node.state;
        count(track, 1);
        open(to_string(node.state), "activity");
    }
}

void Timeline::happened(std::size_t index, const BoardNode& node, const TraceEvent& event,
                        std::int64_t us) {
    latest_us_ = std::max(latest_us_, us);
    if (event.name == "exchange_done") {
        track_of(index, node);
        JsonWriter json;
        begin(json, 'C', pid_of(index), us);
        json.field("name", "parameter bytes").key("args").begin_object();
        json.field("sent", node.sent_bytes).field("received", node.received_bytes).end_object();
        end(json);
    }
    const EventWords* words = find_event_words(event.name);
    if (words != nullptr && is_notable(*words)) {
        track_of(index, node);
        JsonWriter json;
        begin(json, 'i', pid_of(index), us);
        json.field("s", "p").field("name", words_of(*words, event));
        json.field("cat", words->alarm ? "fault" : "event").key("args").begin_object();
        for (const TraceEvent::Field& field : event.fields) {
            json.field(field.key, field.value);
        }
        json.end_object();
        end(json);
    }
}

void Timeline::finish() {
    write_counts();
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        close_activity(i, tracks_[i], std::max(latest_us_, tracks_[i].us));
        close_round(i, tracks_[i], std::max(latest_us_, tracks_[i].us));
    }
    write_("\n]}\n");
}

}  // namespace starling
