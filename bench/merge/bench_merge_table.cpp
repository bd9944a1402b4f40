#include "bench/merge/bench_merge_table.hpp"

#include <algorithm>
#include <cstdio>

namespace starling::bench {

bool MergeTable::ReportContext(const Context&) { return true; }

void MergeTable::ReportRuns(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        // "mean/inputs:8/..."
        const std::string name = run.run_name.function_name;
        const std::string inputs = run.run_name.args;
        const auto rate = run.counters.find("bytes_per_second");
        if (run.run_type != Run::RT_Iteration || rate == run.counters.end()) {
            continue;
        }
        if (rates_.count(name) == 0) {
            names_.push_back(name);
        }
        rates_[name][std::stoi(inputs.substr(inputs.find(':') + 1))].push_back(rate->second / 1e9);
        std::fprintf(stderr, ".");
    }
}

double MergeTable::median(const std::string& what, int inputs) const {
    const auto found = rates_.find(what);
    if (found == rates_.end() || found->second.count(inputs) == 0) {
        return 0.0;
    }
    std::vector<double> rates = found->second.at(inputs);
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
}

void MergeTable::Finalize() {
    std::sort(names_.begin(), names_.end(), [](const std::string& a, const std::string& b) {
        return (a == "read") > (b == "read") || ((a == "read") == (b == "read") && a < b);
    });
    std::printf(
        "\nGB/s of input, one thread, CPU time, medians (and part of the read rate; with "
        "what is written counted)\n%-36s",
        "inputs");
    const int sizes[] = {2, 4, 8, 16, 32};
    for (const int size : sizes) {
        std::printf("%22d", size);
    }
    for (const std::string& name : names_) {
        std::printf("\n%-36s", name.c_str());
        for (const int size : sizes) {
            const double rate = median(name, size);
            const double part = rate / std::max(median("read", size), 1e-9);
            const double moved = part * (size + 1) / size;
            if (rate > 0.0) {
                std::printf("%8.1f (%4.2f; %4.2f)", rate, part, name == "read" ? part : moved);
            } else {
                std::printf("%22s", "-");
            }
        }
    }
    std::printf("\n");
}

}  // namespace starling::bench
