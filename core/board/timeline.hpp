#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/board/run_observer.hpp"

namespace starling {

class JsonWriter;

/// Writes a run in Chrome's trace event format (JSON), which ui.perfetto.dev and chrome://tracing
/// open, while the run's model is built: one process for each node, with its rounds as slices and
/// what it does (NodeActivity) as slices inside them; bytes of parameters and the number of members
/// by activity as counters; faults, alarms, elections and commits as instants.
///
/// The text is written piece by piece; only the open slices are kept.
class Timeline final : public RunObserver {
public:
    /// \param write  appends to the file
    explicit Timeline(std::function<void(std::string_view)> write);
    Timeline(const Timeline&) = delete;
    Timeline& operator=(const Timeline&) = delete;

    void entered(std::size_t index, const BoardNode& node, std::int64_t us) override;
    void happened(std::size_t index, const BoardNode& node, const TraceEvent& event,
                  std::int64_t us) override;
    /// Ends all slices at the time of the newest event, and the text. To be called once, last.
    void finish();

private:
    /// The open slices of a node.
    struct Track {
        bool named = false;
        bool member = false;  ///< an SL, which is counted
        std::optional<std::uint64_t> round;
        std::optional<NodeActivity> activity;
        std::int64_t us = 0;  ///< of its newest slice or end: none begins before it
    };

    Track& track_of(std::size_t index, const BoardNode& node);
    void close_activity(std::size_t index, Track& track, std::int64_t us);
    void close_round(std::size_t index, Track& track, std::int64_t us);
    void count(const Track& track, int by);
    void write_counts();
    /// Begins an event with these fields; `end` writes it.
    void begin(JsonWriter& json, char phase, std::size_t pid, std::int64_t us);
    void end(JsonWriter& json);

    std::function<void(std::string_view)> write_;
    std::vector<Track> tracks_;  ///< by the node's index
    std::array<std::uint64_t, std::size_t(NodeActivity::down) + 1> members_{};  ///< by activity
    std::int64_t counted_us_ = 0;  ///< since when these numbers hold
    bool counts_changed_ = false;  ///< and are not written
    std::int64_t latest_us_ = 0;
    bool first_ = true;
};

}  // namespace starling
