#include "core/board/notes.hpp"

namespace starling {
namespace {

/// The same alarm after this time is another one.
constexpr std::int64_t same_alarm_us = 60'000'000;

void write_notes(JsonWriter& json, std::string_view name, const KeptList<Note>& notes,
                 std::uint64_t since) {
    notes.write(json, name, since, [&](const Note& note) {
        json.begin_object()
            .field("id", note.id)
            .field("us", note.us)
            .field("node", note.node)
            .field("level", to_string(note.level))
            .field("text", note.text)
            .field("count", note.count)
            .end_object();
    });
}

}  // namespace

void Notes::log(std::size_t node, Level level, std::string text, Moment now) {
    log_.add({0, now.us, node, level, std::move(text), 1, now.version});
}

void Notes::alarm(std::size_t node, Level level, std::string text, const std::string& of,
                  Moment now) {
    const std::string key = of + " " + text;
    const auto known = alarm_ids_.find(key);
    Note* before = known == alarm_ids_.end() ? nullptr : alarms_.find(known->second);
    if (before != nullptr && now.us - before->us < same_alarm_us) {
        ++before->count;
        before->version = now.version;
        return;
    }
    alarm_ids_[key] = alarms_.next();
    const auto dropped =
        alarms_.add({0, now.us, node, level, std::move(text), 1, now.version, key});
    if (dropped) {
        const auto oldest = alarm_ids_.find(dropped->key);
        if (oldest != alarm_ids_.end() && oldest->second == dropped->id) {
            alarm_ids_.erase(oldest);
        }
    }
}

void Notes::write(JsonWriter& json, std::uint64_t since) const {
    write_notes(json, "log", log_, since);
    write_notes(json, "alarms", alarms_, since);
}

}  // namespace starling
