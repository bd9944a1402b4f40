#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/coding.hpp"

namespace starling {

/// The terms of the log's records from the first one on, which never decrease: a run for each term,
/// so that millions of records take a few bytes for each election.
class TermRuns {
public:
    struct Run {
        std::uint64_t last = 0;  ///< index of the last record of this term
        std::uint64_t term = 0;

        friend bool operator==(const Run&, const Run&) = default;
    };

    /// The record behind last(). \pre its term is at least that of the one before
    void append(std::uint64_t term) {
        if (runs_.empty() || runs_.back().term != term) {
            runs_.push_back({last(), term});
        }
        ++runs_.back().last;
    }
    std::uint64_t last() const { return runs_.empty() ? 0 : runs_.back().last; }
    /// \pre index <= last(); 0 has term 0
    std::uint64_t term_of(std::uint64_t index) const {
        const auto run =
            std::lower_bound(runs_.begin(), runs_.end(), index,
                             [](const Run& one, std::uint64_t at) { return one.last < at; });
        return index == 0 || run == runs_.end() ? 0 : run->term;
    }
    const std::vector<Run>& all() const { return runs_; }

    void encode(Writer& writer) const {
        writer.u32(static_cast<std::uint32_t>(runs_.size()));
        for (const Run& run : runs_) {
            writer.u64(run.last);
            writer.u64(run.term);
        }
    }
    /// On malformed input the reader enters the failed state.
    static TermRuns decode(Reader& reader) {
        TermRuns terms;
        const std::uint32_t count = reader.count(16, UINT32_MAX);
        Run before;
        for (std::uint32_t i = 0; i < count; ++i) {
            const Run run{reader.u64(), reader.u64()};
            if (run.last <= before.last || run.term <= before.term) {
                reader.fail();
                return {};
            }
            terms.runs_.push_back(run);
            before = run;
        }
        return terms;
    }

private:
    std::vector<Run> runs_;
};

}  // namespace starling
