// swarm-check: the checker of core/check on recorded traces. Clocks of real hosts differ, so events
// of different nodes count as ordered only if they are further apart than --clock-error.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>

#include <CLI/CLI.hpp>

#include "bench/report/trace_reader.hpp"
#include "core/check/swarm_checker.hpp"

namespace starling {
namespace {

/// Times above this count from 1970, as those of processes; others from a simulation's start.
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
    const bool is_real_time = !all.empty() && all.front().time_ns > year_ns;
    const std::int64_t first_ns = is_real_time ? all.front().time_ns : 0;
    for (TraceRecord& record : all) {
        record.time_ns -= first_ns;  // to be readable
    }
    return all;
}

int run(int argc, char** argv) {
    CLI::App app(
        "Judges the trace of a swarm: one ledger, one commit per round, no command lost, no stale "
        "reads,\nmembers that continue from committed models and end with the same one. Reads "
        "trace files of a test, a simulation,\nor of the nodes of a real run; a file may contain "
        "several starts of a node. A trace may be incomplete (the node\nruns, or was killed): "
        "what is missing is listed as 'not seen', and is no violation.\n"
        "Exit code: 0; 1: violations; 2: wrong arguments, or a file that can't be read or parsed.");
    std::vector<std::string> files;
    std::optional<double> clock_error_ms;
    app.add_option("TRACE", files, "trace files of one run, merged in order of time")->required();
    app.add_option("--clock-error", clock_error_ms,
                   "milliseconds by which clocks of different nodes may differ (default 0 for one "
                   "file, 50 for more)")
        ->check(CLI::NonNegativeNumber);
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
    const double error_ms = clock_error_ms.value_or(files.size() == 1 ? 0.0 : 50.0);
    SwarmChecker checker({from_seconds(error_ms / 1000.0)});
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
