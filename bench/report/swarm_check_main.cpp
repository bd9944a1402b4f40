// swarm-check: the checker of core/check on recorded traces. Clocks of real hosts differ, so only
// events that are further apart than --clock-error count as ordered.
#include <algorithm>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "bench/report/trace_reader.hpp"
#include "core/check/swarm_checker.hpp"

namespace starling {
namespace {

constexpr std::int64_t year_ns = std::int64_t{365} * 24 * 3600 * 1'000'000'000;

/// Merges all files into one trace, ordered by time.
Result<std::vector<TraceRecord>> read_traces(const std::vector<std::string>& files) {
    std::vector<TraceRecord> all;
    for (const std::string& file : files) {
        Result<std::vector<TraceRecord>> records = read_trace(file);
        if (!records) {
            return records.error();
        }
        all.insert(all.end(), std::make_move_iterator(records->begin()),
                   std::make_move_iterator(records->end()));
    }
    std::stable_sort(all.begin(), all.end(), [](const TraceRecord& a, const TraceRecord& b) {
        return a.time_ns < b.time_ns;
    });
    // Times of processes count from 1970; made relative to the first event to be readable.
    const bool processes = !all.empty() && all.front().time_ns > year_ns;
    const std::int64_t begin = processes ? all.front().time_ns : 0;
    for (TraceRecord& record : all) {
        record.time_ns -= begin;
    }
    return all;
}

int run(int argc, char** argv) {
    CLI::App app(
        "Judges the trace of a swarm: one ledger, one commit per round, no command lost, reads "
        "that "
        "are not stale,\nmembers that go on from committed models and end with the same one. Reads "
        "trace files of a test, a simulation\nor of the nodes of a real run; a file may tell of "
        "many starts. Nodes may be running: what their traces do not tell\nyet, or never told "
        "because the node was killed, is named as 'not seen' and not judged.\n"
        "Exit code: 0, 1 with violations, 2 for a file that can't be read.");
    std::vector<std::string> files;
    double clock_error_ms = -1.0;
    app.add_option("TRACE", files, "trace files of one run, put together by time")->required();
    app.add_option("--clock-error", clock_error_ms,
                   "milliseconds by which clocks of different nodes may differ (default 0 for one "
                   "file, 50 for more)");
    app.footer(
        "\nExamples:\n  swarm-check sim.trace\n  swarm-check --clock-error 200 "
        "host-1/trace/*.trace host-2/trace/*.trace");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    const Result<std::vector<TraceRecord>> records = read_traces(files);
    if (!records) {
        std::cerr << "swarm-check: " << records.error().message << "\n";
        return 2;
    }
    if (clock_error_ms < 0.0) {
        clock_error_ms = files.size() == 1 ? 0.0 : 50.0;
    }
    SwarmChecker checker({from_seconds(clock_error_ms / 1000.0)});
    SwarmTime now{};
    for (const TraceRecord& record : *records) {
        now = from_ns(record.time_ns);
        TraceEvent event(record.event);
        for (const auto& [key, value] : record.fields) {
            event.fields.push_back({key, value});
        }
        checker.report(now, {record.node}, event);
    }
    checker.finish(now);
    for (const Violation& violation : checker.violations().kept()) {
        std::cout << to_string(violation) << "\n";
    }
    for (const std::string& text : checker.not_seen()) {
        std::cout << "not seen: " << text << "\n";
    }
    std::cout << records->size() << " events, " << checker.entries() << " entries, "
              << checker.rounds() << " rounds, " << checker.operations() << " commands, "
              << checker.reads() << " reads, " << checker.violations().count() << " violations\n";
    return checker.violations().count() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) { return starling::run(argc, argv); }
