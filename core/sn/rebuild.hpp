#pragma once

#include <memory>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/ledger/signature.hpp"

namespace starling {

struct RebuildOptions {
    NodeId id;
    Address api_address;
    Address peer_address;
    std::uint64_t session = 0;  ///< of this start
    std::uint64_t number = 0;   ///< a new one: what the others know of the old one is over
    std::vector<NodeId> without;
    const NodeSigner& signer;
};

/// What makes a ledger go on with one SN.
struct Rebuild {
    std::uint64_t first = 0;     ///< index of the first record of the new epoch
    std::vector<Bytes> records;  ///< membership, registration, RemoveServers; or none: see done()
    Vote vote;

    /// An earlier start was asked the same and has written it: nothing is left to do.
    bool done() const { return records.empty(); }
};

/// No majority of the SNs is left, and a person has decided that this one goes on alone, from what
/// its disk holds: a new epoch in the same chain, signed by this SN. The three records must be
/// written in one. What the others hold beyond them is another history from then on, and a disk of
/// theirs is turned away by its server number. Asked again after that, as by a start after a crash,
/// it is done().
///
/// Errc::refused: there is no ledger, this SN is none of those that keep it, or `without` does not
/// name exactly the others.
Result<Rebuild> rebuild_alone(const DurableLog& log, const RebuildOptions& options);

}  // namespace starling
