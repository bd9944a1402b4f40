#pragma once

#include <string_view>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/raft/raft_log.hpp"

namespace starling {

/// Where this server stands when a message comes.
struct RaftPosition {
    std::uint64_t self = 0;
    std::uint64_t term = 0;
    std::uint64_t commit = 0;
    bool leads = false;
    bool candidate = false;
    bool pre_vote = false;  ///< a candidate's
    /// The server that it follows, or itself; 0: none was heard for two election timeouts.
    std::uint64_t leader = 0;
    /// How often the sender has taken this server to a later term, see heeded_terms_window.
    std::size_t raises = 0;
    const std::vector<Server>& servers;  ///< of the newest membership
    const RaftLog& log;
};

/// Rule R19 looks back so far.
constexpr SwarmDuration heeded_terms_window = std::chrono::seconds(30);

/// What libraft 0.22.1 takes for granted of a message, and its Debian build does not check (rules
/// R9 to R19 in core/DECISIONS.md). Its author has an SN's certificate; that is all we know of it.
///
/// \return  which rule the message breaks: it must not reach libraft. Empty: none.
std::string_view broken_rule(const RaftPosition& here, const NodeId& from,
                             const ConsensusMessage& message);

/// The records of an append that broken_rule() has let pass. The same for them.
struct CheckedRecords {
    std::vector<LogRecord> records;
    std::string_view broken;
};
CheckedRecords check_records(const RaftPosition& here, const ConsensusMessage& append);

/// What libraft 0.22.1 takes for granted of the log that it starts with.
Result<void> check_log(const DurableLog& log);

}  // namespace starling
