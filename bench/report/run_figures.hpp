#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/report/trace_reader.hpp"

namespace starling {

/// Final test results of the MLs of a run, or of programs that trained alone.
struct TestResults {
    std::map<std::string, double> accuracy;  ///< by ML, 0 to 1
    /// Number of classes, with equally many test images each: guessing has an accuracy of 1 /
    /// classes. 0: not in the traces.
    std::size_t classes = 0;
};

TestResults test_results_of(const std::vector<TraceRecord>& records);

/// Figures of one run of a swarm, by its traces alone; the same for simulated and real runs. Times
/// are differences at one node, so clocks of different hosts need not agree.
struct RunFigures {
    std::size_t rounds = 0;  ///< the most that one ML took part in
    /// From one round's end to the next, at each ML: training and merge. Median over rounds and
    /// MLs.
    double round_seconds = 0.0;
    /// From the end of a round to the next sync point of the member that came last. Median.
    double training_seconds = 0.0;
    /// From the last member's sync point until it has the merged model: the swarm's overhead.
    /// Median.
    double merge_seconds = 0.0;
    /// From the first sync point to the final model, at the ML where it took longest.
    double total_seconds = 0.0;
    std::uint64_t exchanged_bytes = 0;                ///< parameters sent between SLs
    TestResults test;                                 ///< of the final model
    std::map<std::string, std::string> final_digest;  ///< by ML
    std::string committed_digest;                     ///< the ledger's final one
};

/// The records of each node's latest training: a trace may contain many starts, of one or more
/// trainings.
/// \param records  those of one node in order.
std::vector<TraceRecord> newest_training(std::vector<TraceRecord> records);

/// \param records  all nodes of the run; those of one node in order of time.
/// Errc::not_found if no ML of the run has ended a round.
Result<RunFigures> figures_of(const std::vector<TraceRecord>& records);

/// The middle value; the mean of the two middle ones. \pre not empty
double median(std::vector<double> values);

}  // namespace starling
