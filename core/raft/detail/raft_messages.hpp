#pragma once

#include "core/ledger/consensus.hpp"
#include "core/raft/detail/libraft.hpp"

namespace starling {

// Between libraft's messages and ours, all but append, which holds records. libraft's must not
// outlive `from`.
ConsensusMessage from_libraft(const raft_message& message);
raft_message to_libraft(const ConsensusMessage& message, const NodeId& from);

}  // namespace starling
