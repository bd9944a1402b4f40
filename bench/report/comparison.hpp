#pragma once

#include <optional>
#include <string>

#include "bench/report/run_figures.hpp"

namespace starling {

struct Comparison {
    std::optional<RunFigures> predicted;  ///< of the simulation
    std::optional<RunFigures> measured;   ///< of the hosts
    std::optional<TestResults> alone;     ///< of the same programs, each without a swarm
};

/// One table for a person: a row a figure, predicted beside measured, and their ratio; before them
/// what guessing and each program alone reach, where that is known.
std::string table_of(const Comparison& comparison);
/// What the swarm is good for, in a sentence; empty where that is not known.
std::string benefit_of(const Comparison& comparison);
/// The same for machines, as JSON.
std::string json_of(const Comparison& comparison);
/// True if every ML of every run ended with the same parameters, which are the ledger's.
bool same_model_everywhere(const Comparison& comparison);

}  // namespace starling
