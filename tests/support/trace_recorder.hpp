#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/trace/event_registry.hpp"

namespace starling::test {

/// Keeps every event, as text and as an object. Fails if an event is not registered.
class TraceRecorder final : public TraceSink {
public:
    struct Line {
        SwarmTime time;
        NodeId node;
        TraceEvent event;
    };

    void report(SwarmTime time, const NodeId& node, const TraceEvent& event) override {
        constexpr std::array of_tests{"withheld", "received", "tick", "written"};
        if (std::find(of_tests.begin(), of_tests.end(), event.name) == of_tests.end()) {
            EXPECT_EQ(event_error(event), "");
        }
        lines.push_back({time, node, event});
        text += trace_line(time, node, event) + "\n";
    }

    /// All events with this name, of `node` or of any node.
    std::vector<Line> named(std::string_view name, const std::string& node = "") const {
        std::vector<Line> found;
        for (const Line& line : lines) {
            if (line.event.name == name && (node.empty() || line.node.name == node)) {
                found.push_back(line);
            }
        }
        return found;
    }
    /// Whether an event behind the first `seen` ones is such a one; `seen` moves behind it, or to
    /// the end.
    template <typename Such>
    bool any_new(std::size_t& seen, Such such) const {
        bool found = false;
        for (; seen < lines.size() && !found; ++seen) {
            found = such(lines[seen]);
        }
        return found;
    }
    /// True if a log line of `node` contains `part`.
    bool logged(const std::string& part, const std::string& node = "") const {
        for (const Line& line : lines) {
            if ((node.empty() || line.node.name == node) &&
                line.event.text.find(part) != std::string::npos) {
                return true;
            }
        }
        return false;
    }

    /// The last events, for a failure message.
    std::string tail(std::size_t bytes = 4000) const {
        return text.size() <= bytes ? text : text.substr(text.find('\n', text.size() - bytes) + 1);
    }

    std::vector<Line> lines;
    std::string text;
};

inline std::string field(const TraceRecorder::Line& line, std::string_view key) {
    for (const TraceEvent::Field& f : line.event.fields) {
        if (f.key == key) {
            return f.value;
        }
    }
    return "";
}

}  // namespace starling::test
