#pragma once

#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace starling::bench {

/// Prints medians of all repetitions as a table, once the run is over: what is read a second, and
/// in parts of the read bandwidth that was measured with as many inputs.
class MergeTable : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context& context) override;
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override;

private:
    /// Median, in GB/s of input; 0: not measured.
    double median(const std::string& what, int inputs) const;

    std::map<std::string, std::map<int, std::vector<double>>> rates_;  ///< by name, and inputs
    std::vector<std::string> names_;                                   ///< in the order of the run
};

}  // namespace starling::bench
