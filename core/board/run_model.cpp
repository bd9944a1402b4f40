// Events in, one JSON text out. Events that run_model_*.cpp do not name change nothing but the last
// sign of life of their node.
#include "core/board/run_model.hpp"

#include <algorithm>

#include "core/board/event_words.hpp"
#include "core/trace/event_registry.hpp"
#include "core/trace/trace_text.hpp"

namespace starling {
namespace {

/// The role of a node by an event that only nodes of this role report; nothing: several do.
std::optional<Role> role_by(std::string_view event) {
    const EventKind* kind = find_event_kind(event);
    const std::string_view source = kind == nullptr ? "" : kind->source;
    return source == "SN"               ? std::optional(Role::sn)
           : source == "SL"             ? std::optional(Role::sl)
           : source == "ML"             ? std::optional(Role::ml)
           : source == "licence server" ? std::optional(Role::apls)
                                        : std::nullopt;
}

}  // namespace

RunModel::RunModel(RunModelLimits limits)
    : nodes_(limits.nodes, limits.spans),
      rounds_(nodes_, limits.rounds),
      notes_(limits.log, limits.alarms),
      curves_(limits.points),
      links_(nodes_, limits.transfers),
      platform_(limits.link_uses) {}

std::string RunModel::contract_of(std::size_t node) const {
    const std::string& own = nodes_.at(node).contract;
    return own.empty() ? rounds_.only_contract() : own;
}

void RunModel::add_start(std::string_view line) {
    const std::string_view name = word_after(line, "node=");
    ++now_.version;
    if (name.empty()) {
        virtual_time_ = true;  // a start line without a node is of a simulation
        return;
    }
    const std::size_t node = nodes_.index_of(name, now_);
    if (const Result<Role> role = parse_role(word_after(line, "role="))) {
        nodes_.changed(node, now_).role = *role;
    }
    if (const std::string_view host = word_after(line, "host="); !host.empty()) {
        nodes_.changed(node, now_).host = host.substr(0, board_text_max);
    }
}

void RunModel::reached(std::int64_t time_ns, std::int64_t quiet_max_us) {
    if (!start_ns_) {
        return;
    }
    const std::int64_t us = us_of(time_ns);
    if (us > latest_us_ && us / 2 - now_.us / 2 < quiet_max_us / 2 && nodes_.any_running()) {
        latest_us_ = us;
        ++now_.version;
    }
}

void RunModel::heard(std::int64_t time_ns, std::string_view node) {
    const std::optional<std::size_t> index = nodes_.find(node);
    if (start_ns_ && index && us_of(time_ns) > nodes_.at(*index).last_us) {
        ++now_.version;
        nodes_.changed(*index, now_).last_us = us_of(time_ns);
        latest_us_ = std::max(latest_us_, us_of(time_ns));
    }
}

void RunModel::certificate_until(std::string_view node, std::int64_t seconds) {
    const std::optional<std::size_t> index = nodes_.find(node);
    if (index && nodes_.at(*index).certificate_until != seconds) {
        ++now_.version;
        nodes_.changed(*index, now_).certificate_until = seconds;
    }
}

void RunModel::add_unreadable_lines(std::uint64_t count) {
    unreadable_ += count;
    ++now_.version;
}

std::int64_t RunModel::us_of(std::int64_t time_ns) const {
    // Wraps around where a trace has absurd times, which is defined for unsigned numbers only.
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(time_ns) -
                                     static_cast<std::uint64_t>(*start_ns_)) /
           1000;
}

void RunModel::add(std::int64_t time_ns, std::string_view name, const TraceEvent& event) {
    start_ns_ = start_ns_.value_or(time_ns);
    ++events_;
    now_ = {us_of(time_ns), now_.version + 1};
    latest_us_ = std::max(latest_us_, now_.us);
    const std::size_t node = nodes_.index_of(name, now_);
    {
        BoardNode& own = nodes_.changed(node, now_);
        own.last_us = std::max(own.last_us, now_.us);
        own.own_events = true;
        if (!own.role) {
            own.role = role_by(event.name);
        }
    }
    const EventFields fields(event);
    add_of_any(node, event.name, fields);
    add_of_ml(node, event.name, fields);
    add_of_sl(node, event.name, fields);
    add_of_sn(node, event.name, fields);
    add_of_platform(node, event.name, fields);
    add_of_tool(event.name, fields);
    if (fields.has("contract")) {
        add_of_contract(node, event.name, fields);
    }
    note(node, event);
    if (observer_ != nullptr) {
        observer_->happened(node, nodes_.at(node), event, now_.us);
    }
}

void RunModel::set_observer(RunObserver& observer) {
    observer_ = &observer;
    nodes_.on_enter([&observer](std::size_t index, const BoardNode& node, Moment now) {
        observer.entered(index, node, now.us);
    });
}

void RunModel::note(std::size_t node, const TraceEvent& event) {
    const EventWords* words = find_event_words(event.name);
    const EventFields fields(event);
    if (words != nullptr) {
        std::string text = words_of(*words, event);
        // Members leave one by one when their run has ended.
        const bool leaves =
            event.name == "member_gone" && rounds_.is_over(std::string(fields.text("contract")));
        const bool stopped_badly = event.name == "node_stopped" && fields.number("code") > 0;
        if ((words->alarm && !leaves) || stopped_badly) {
            // SNs report the same of a member; of itself each node reports its own.
            const bool of_all = nodes_.at(node).role == Role::sn;
            notes_.alarm(node, std::max(words->level, Level::warning), text,
                         of_all ? "" : nodes_.at(node).name, now_);
        }
        const Level level = leaves ? Level::info : stopped_badly ? Level::error : words->level;
        notes_.log(node, level,
                   leaves ? std::string(fields.text("node").substr(0, board_text_max)) + " has left"
                          : std::move(text),
                   now_);
    } else if (!event.text.empty() && event.level >= Level::info) {
        notes_.log(node, event.level, event.text.substr(0, board_text_max), now_);
    }
}

void RunModel::write(JsonWriter& json, std::uint64_t since) const {
    json.field("format", 1)
        .field("version", now_.version)
        .field("since", since)
        .field("start_ns", std::to_string(start_ns_.value_or(0)))
        .field("now_us", latest_us_)
        .field("virtual_time", virtual_time_)
        .field("events", events_)
        .field("unreadable_lines", unreadable_)
        .field("leader", leader_)
        .field("term", term_)
        .field("server_lost_us", server_lost_us_);
    nodes_.write(json, since);
    rounds_.write(json, since);
    curves_.write(json, since);
    links_.write(json, since);
    platform_.write(json, since);
    licence_.write(json);
    notes_.write(json, since);
}

std::string RunModel::json(std::uint64_t since) const {
    JsonWriter json;
    json.begin_object();
    write(json, since);
    json.end_object();
    return json.take();
}

}  // namespace starling
