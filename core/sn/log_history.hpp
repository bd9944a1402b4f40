#pragma once

#include <cstdint>

namespace starling {

/// What the others had agreed on while this SN was away is no news: up to record `last` it is
/// applied without log lines, and summed up in one.
struct LogHistory {
    std::uint64_t recovered = 0;  ///< records that the own disk held: applied without a word
    std::uint64_t first = 0;      ///< of the newest stretch that was agreed without this SN
    std::uint64_t last = 0;
    std::uint64_t rounds = 0;  ///< committed in it, applied so far
    bool followed = false;     ///< an append has come since the start
    bool in_silence = false;   ///< a record of the stretch is being applied

    /// An append says that records up to `agreed` are; `applied` are applied here. The first append
    /// after a time without a leader tells how much was committed meanwhile.
    void note(std::uint64_t agreed, std::uint64_t applied, bool was_leaderless) {
        if ((!followed || was_leaderless) && agreed > applied) {
            last = agreed;
            first = applied + 1;
            rounds = 0;
        }
        followed = true;
    }
};

}  // namespace starling
