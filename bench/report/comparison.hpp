#pragma once

#include <optional>
#include <string>

#include "bench/report/run_figures.hpp"

namespace starling {

struct Comparison {
    std::optional<RunFigures> predicted;  ///< by the simulation
    std::optional<RunFigures> measured;   ///< in the real run
    std::optional<TestResults> alone;     ///< results of the same programs without a swarm
};

/// A text table: a row per figure, predicted beside measured, and their ratio; before them, if
/// known, the accuracy of guessing and of each program alone.
std::string table_of(const Comparison& comparison);
/// The benefit of the swarm, in a sentence; empty if it is not known.
std::string benefit_of(const Comparison& comparison);
/// If training took another time in the real run than was rehearsed, since the speed of a host
/// changes: what the rehearsal would say with the real time, in a sentence. Empty if the times
/// differ by less than 5 %.
std::string speed_of(const Comparison& comparison);
/// The same as JSON.
std::string json_of(const Comparison& comparison);
/// True if every ML of every run ended with the same parameters, which are the ledger's.
bool same_model_everywhere(const Comparison& comparison);

}  // namespace starling
