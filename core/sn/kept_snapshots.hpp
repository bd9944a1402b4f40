#pragma once

#include <deque>

#include "core/ledger/snapshot.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// The newest two snapshots that this SN has made or was started from, for SNs that join. Two: the
/// others have not all made the newest one yet.
class KeptSnapshots {
public:
    explicit KeptSnapshots(const Hasher& hasher) : hasher_(hasher) {}

    void add(std::uint64_t index, Bytes snapshot);
    /// The newest first.
    std::vector<OfferedSnapshot> offers() const;
    /// A part that begins at the offset; empty: there is no such snapshot, or it ends before.
    Blob part(const FetchSnapshot& wanted) const;

private:
    struct Kept {
        OfferedSnapshot offer;
        std::shared_ptr<const Bytes> bytes;
    };

    const Hasher& hasher_;
    std::deque<Kept> kept_;
};

}  // namespace starling
