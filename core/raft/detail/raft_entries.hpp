#pragma once

#include <vector>

#include "core/base/invariant.hpp"
#include "core/ledger/membership.hpp"
#include "core/raft/detail/libraft.hpp"

namespace starling {

/// libraft's form of a membership. \pre not empty. The caller or libraft closes it.
raft_configuration configuration_of(const std::vector<Server>& servers);

/// Records as libraft takes them in, alive for one call.
class RaftEntries {
public:
    explicit RaftEntries(std::vector<LogRecord> records);
    raft_entry* data() { return entries_.data(); }
    unsigned size() const { return static_cast<unsigned>(entries_.size()); }
    /// What libraft must be given to free, once; nullptr without records.
    void* batch() const { return entries_.empty() ? nullptr : entries_.front().batch; }
    bool holds(const raft_entry* entry) const {
        return !entries_.empty() && entry >= entries_.data() &&
               entry < entries_.data() + entries_.size();
    }
    /// \pre holds(entry)
    const LogRecord& record(const raft_entry* entry) const {
        return records_[static_cast<std::size_t>(entry - entries_.data())];
    }

private:
    std::vector<LogRecord> records_;
    std::vector<Bytes> changes_;
    std::vector<raft_entry> entries_;
};

}  // namespace starling
