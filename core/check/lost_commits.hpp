#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/base/ids.hpp"
#include "core/base/time.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

/// A commit of which the traces have the entry, and may have lost the round_committed.
struct LostCommit {
    std::uint64_t index = 0;  ///< of its entry
    std::uint64_t run = 0;
    SwarmTime time;  ///< when an SN first applied it
    NodeId by;       ///< that SN
};

/// Finds commits whose round_committed may be lost. An SN writes the events of one step one after
/// another: if it is killed meanwhile, or its disk is full, its trace has the entry_applied of a
/// commit without what follows. This can only be the last entry before a restart, a gap or the end
/// of the trace, and only if the SN has no event with a later time: that one was written after
/// them. A commit that any SN's trace has with what follows is not lost. Memory: a few words for
/// each commit.
class LostCommits {
public:
    void on_event(SwarmTime time, const NodeId& node, const TraceEvent& event);
    /// As of now, ascending by index.
    std::vector<LostCommit> found() const;

private:
    struct Commit {
        LostCommit commit;
        bool followed = false;  ///< a trace has what follows its entry
    };
    /// The commit with which an SN's trace ends so far.
    struct Last {
        std::uint64_t index = 0;
        SwarmTime time;
    };
    std::map<std::uint64_t, Commit> commits_;
    std::map<NodeId, Last> last_;
};

}  // namespace starling
