// Computes the figures of a run from its traces. Durations are differences of times at one node
// only, since clocks of different hosts differ by more than a round's merge takes.
#include "bench/report/run_figures.hpp"

#include <algorithm>

namespace starling {
namespace {

double seconds_between(std::int64_t from_ns, std::int64_t to_ns) {
    return static_cast<double>(to_ns - from_ns) * 1e-9;
}

/// The syncs of one ML, in order.
struct SyncTimes {
    std::vector<std::int64_t> begins;   ///< nanoseconds
    std::vector<std::int64_t> ends;     ///< one less than begins while a sync is under way
    std::vector<std::uint64_t> rounds;  ///< of each end
};

/// Over the rounds; 0: there are none.
double median_of(const std::map<std::uint64_t, double>& by_round) {
    std::vector<double> values;
    for (const auto& [round, value] : by_round) {
        values.push_back(value);
    }
    return values.empty() ? 0.0 : median(values);
}

void add_durations(const std::map<std::string, SyncTimes>& syncs, RunFigures& figures) {
    std::vector<double> rounds;
    std::map<std::uint64_t, double> merges;     ///< shortest of each round, in seconds
    std::map<std::uint64_t, double> trainings;  ///< longest of each round, in seconds
    for (const auto& [ml, t] : syncs) {
        figures.rounds = std::max(figures.rounds, t.ends.size());
        if (!t.ends.empty()) {
            figures.total_seconds =
                std::max(figures.total_seconds, seconds_between(t.begins.front(), t.ends.back()));
        }
        for (std::size_t i = 0; i < t.ends.size(); ++i) {
            if (i > 0) {
                rounds.push_back(seconds_between(t.ends[i - 1], t.ends[i]));
                double& longest = trainings[t.rounds[i]];
                longest = std::max(longest, seconds_between(t.ends[i - 1], t.begins[i]));
            }
            // The shortest is that of the member that came last, which waited for nobody.
            const double merge = seconds_between(t.begins[i], t.ends[i]);
            const auto known = merges.emplace(t.rounds[i], merge).first;
            known->second = std::min(known->second, merge);
        }
    }
    figures.round_seconds = rounds.empty() ? 0.0 : median(rounds);
    figures.training_seconds = median_of(trainings);
    figures.merge_seconds = median_of(merges);
}

}  // namespace

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// A program that starts a new training begins again with a lower round, so of an ML the records
// from that start on belong to the newest one. An SL may go through several runs in one start: of
// its exchanges those of the newest run count. The ledger of an SN has all runs, and is left whole.
std::vector<TraceRecord> newest_training(std::vector<TraceRecord> records) {
    std::map<std::string, std::uint64_t> next_round;
    std::map<std::string, std::size_t> first_start;
    std::map<std::string, std::string> newest_run;
    const auto run_of = [](const TraceRecord& record) {
        return record.text("contract") + " " + record.text("run");
    };
    for (const TraceRecord& record : records) {
        if (record.event == "exchange_done") {
            newest_run[record.node] = run_of(record);
        } else if (record.event == "sync_end") {
            const std::uint64_t round = record.number("round");
            std::uint64_t& next = next_round[record.node];
            if (round < next) {  // a new training
                first_start[record.node] = record.start;
            }
            // One that is not committed yet may be replaced by another model of the same round.
            next = record.text("committed") == "0" ? round : round + 1;
        }
    }
    std::erase_if(records, [&](const TraceRecord& record) {
        const auto start = first_start.find(record.node);
        return (start != first_start.end() && record.start < start->second) ||
               (record.event == "exchange_done" && run_of(record) != newest_run[record.node]);
    });
    return records;
}

TestResults test_results_of(const std::vector<TraceRecord>& records) {
    TestResults results;
    for (const TraceRecord& record : records) {
        if (record.event == "evaluation" && record.number("samples") > 0) {
            results.accuracy[record.node] = static_cast<double>(record.number("correct")) /
                                            static_cast<double>(record.number("samples"));
            results.classes = record.number("classes");
        }
    }
    return results;
}

Result<RunFigures> figures_of(const std::vector<TraceRecord>& records) {
    RunFigures figures;
    std::map<std::string, SyncTimes> syncs;
    for (const TraceRecord& record : records) {
        if (record.event == "sync_begin") {
            SyncTimes& t = syncs[record.node];
            if (t.begins.size() > t.ends.size()) {
                t.begins.pop_back();  // the program was killed, and repeats the sync
            }
            t.begins.push_back(record.time_ns);
        } else if (record.event == "sync_end") {
            SyncTimes& t = syncs[record.node];
            if (t.ends.size() >= t.begins.size()) {
                return Error{Errc::malformed, "the trace of '" + record.node +
                                                  "' ends a sync that it did not begin"};
            }
            t.ends.push_back(record.time_ns);
            t.rounds.push_back(record.number("round"));
        } else if (record.event == "exchange_done") {
            figures.exchanged_bytes += record.number("sent_bytes");
        } else if (record.event == "final_model") {
            figures.final_digest[record.node] = record.text("digest");
        } else if (record.event == "round_committed" && record.text("final") == "1") {
            figures.committed_digest = record.text("digest");
        }
    }
    figures.test = test_results_of(records);
    add_durations(syncs, figures);
    if (figures.rounds == 0) {
        return Error{Errc::not_found, "no ML node of this run has ended a round"};
    }
    return figures;
}

}  // namespace starling
