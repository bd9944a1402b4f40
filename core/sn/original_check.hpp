#pragma once

#include <optional>
#include <vector>

#include "core/ledger/consensus.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// Detects a copied disk: two SNs of one name and server number could vote twice in one term. If
/// the disk has another address for this SN than the command line, it was moved or copied. A copy
/// may lack votes that the original has given since, so the SN stays silent until it knows that
/// nobody runs at the former address.
class OriginalCheck {
public:
    enum class Verdict { waiting, alone, copied, stopped };

    explicit OriginalCheck(std::uint32_t timer) : timer_(timer) {}

    /// Begins, if the ledger on this disk has another address for `self`. \return  whether it does.
    bool begin(const NodeId& self, const DurableLog& log, const Address& own, SwarmTime now,
               Outbox& out);
    bool under_way() const { return dialled_.has_value(); }
    /// Takes an input while it is under way; connections are kept for take_held(), frames are
    /// dropped: their senders retransmit what matters. After any verdict but `waiting` it is over.
    Verdict on_input(const Input& input, Outbox& out);
    /// Where the original answered, after the verdict `copied`.
    const Address& found_at() const { return found_at_; }
    /// What came meanwhile.
    std::vector<Input> take_held() { return std::exchange(held_, {}); }

private:
    std::uint32_t timer_;
    std::optional<Address> dialled_;  ///< the former address, while the check is under way
    Address found_at_;
    std::vector<Input> held_;  ///< connections made and lost meanwhile, in their order
};

}  // namespace starling
