#pragma once

#include <optional>

#include "core/ledger/roll.hpp"

namespace starling {

/// Why a peer with a certificate of `ca` must not be connected under the name `node`; nothing: it
/// may. A name belongs to the pinned CA or, without a pin, to the CA of the peer that is connected
/// already.
/// \param pin  of the name's PinPeer, where no CA means expelled; nullptr: not pinned.
/// \param held  CA of the peer that is connected under that name; nullptr: none.
inline std::optional<Error> name_refusal(const NodeId& node, const CaFingerprint& ca,
                                         const std::optional<CaFingerprint>* pin,
                                         const CaFingerprint* held) {
    if (pin != nullptr && !*pin) {
        return Error{Errc::refused, "'" + node.name + "' was expelled from this swarm"};
    }
    if (pin != nullptr && **pin != ca) {
        return Error{Errc::refused, claim_text(node, **pin, ca)};
    }
    if (pin == nullptr && held != nullptr && *held != ca) {
        return Error{Errc::refused, "another '" + node.name + "' is connected, of " +
                                        ca_text(*held) + ", and this one is of " + ca_text(ca)};
    }
    return std::nullopt;
}

}  // namespace starling
