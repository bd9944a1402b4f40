#pragma once

#include <map>
#include <string>

#include "core/board/kept_list.hpp"
#include "core/board/moment.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

/// One line for people: of the log, or an alarm.
struct Note {
    std::size_t id = 0;
    std::int64_t us = 0;
    std::size_t node = 0;  ///< index in the NodeTable
    Level level = Level::info;
    std::string text;
    std::uint64_t count = 1;  ///< of an alarm: how often it was reported
    std::uint64_t version = 0;
    std::string key = {};  ///< of an alarm
};

/// The newest log lines and alarms. SNs report the same alarm each: one that comes again is
/// counted.
class Notes {
public:
    Notes(std::size_t log_max, std::size_t alarms_max) : log_(log_max), alarms_(alarms_max) {}

    void log(std::size_t node, Level level, std::string text, Moment now);
    /// \param of  alarms of the same text and `of` are the same
    void alarm(std::size_t node, Level level, std::string text, const std::string& of, Moment now);

    /// Writes the members "log", "log_from", "alarms", "alarms_from" of an object: what is newer
    /// than version `since`.
    void write(JsonWriter& json, std::uint64_t since) const;

private:
    KeptList<Note> log_;
    KeptList<Note> alarms_;
    std::map<std::string, std::size_t> alarm_ids_;  ///< by `of` and text
};

}  // namespace starling
