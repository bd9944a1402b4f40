#pragma once

#include <string_view>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/raft/raft_log.hpp"

namespace starling {

/// State of this server when a message arrives.
struct RaftPosition {
    std::uint64_t self = 0;
    std::uint64_t term = 0;
    std::uint64_t commit = 0;
    bool leads = false;
    bool candidate = false;
    bool pre_vote = false;  ///< a candidate's
    /// The leader, perhaps itself; 0: none was heard for two election timeouts.
    std::uint64_t leader = 0;
    /// How often the sender has raised the term of this server within term_raise_window.
    std::size_t raises = 0;
    const std::vector<Server>& servers;  ///< of the newest membership
    const RaftLog& log;
};

/// Window of rule R19.
constexpr SwarmDuration term_raise_window = std::chrono::seconds(30);
/// How often a sender may raise the term within the window while there is a leader (rule R19): an
/// honest one needs that once, to follow again after a failed election of its own.
constexpr std::size_t raises_with_leader_max = 1;

/// Preconditions of libraft 0.22.1 on a message, which Debian's build does not check (rules R9 to
/// R19 in core/DECISIONS.md). The sender has an SN's certificate and may lie.
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

/// Preconditions of libraft 0.22.1 on the log that it starts with.
Result<void> check_log(const DurableLog& log);

}  // namespace starling
