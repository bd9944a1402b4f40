#include "core/board/notes.hpp"

namespace starling {
namespace {

/// The same alarm after this time is another one.
constexpr std::int64_t same_alarm_us = 60'000'000;

void write_notes(JsonWriter& json, std::string_view name, const std::deque<Note>& notes,
                 std::size_t next, std::uint64_t since) {
    json.field(std::string(name) + "_from", next - notes.size()).key(name).begin_array();
    for (const Note& note : notes) {
        if (note.version > since) {
            json.begin_object()
                .field("id", note.id)
                .field("us", note.us)
                .field("node", note.node)
                .field("level", to_string(note.level))
                .field("text", note.text)
                .field("count", note.count)
                .end_object();
        }
    }
    json.end_array();
}

}  // namespace

void Notes::log(std::size_t node, Level level, std::string text, Moment now) {
    log_.push_back({next_log_++, now.us, node, level, std::move(text), 1, now.version});
    if (log_.size() > log_max_) {
        log_.pop_front();
    }
}

void Notes::alarm(std::size_t node, Level level, std::string text, const std::string& of,
                  Moment now) {
    const std::string key = of + " " + text;
    if (const auto known = alarm_ids_.find(key); known != alarm_ids_.end()) {
        Note& before = alarms_[known->second - alarms_.front().id];
        if (now.us - before.us < same_alarm_us) {
            ++before.count;
            before.version = now.version;
            return;
        }
    }
    alarm_ids_[key] = next_alarm_;
    alarms_.push_back({next_alarm_++, now.us, node, level, std::move(text), 1, now.version, key});
    if (alarms_.size() > alarms_max_) {
        const auto oldest = alarm_ids_.find(alarms_.front().key);
        if (oldest != alarm_ids_.end() && oldest->second == alarms_.front().id) {
            alarm_ids_.erase(oldest);
        }
        alarms_.pop_front();
    }
}

void Notes::write(JsonWriter& json, std::uint64_t since) const {
    write_notes(json, "log", log_, next_log_, since);
    write_notes(json, "alarms", alarms_, next_alarm_, since);
}

}  // namespace starling
