#pragma once

#include "core/ledger/contract.hpp"
#include "core/params/segments.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// The parameters of a committed round, as a member holds and serves them.
struct CommittedModel {
    RoundKey key;
    Commit commit;
    Segments segments;  ///< those on the disk, if the store gives them out: see KeptReply
};

}  // namespace starling
