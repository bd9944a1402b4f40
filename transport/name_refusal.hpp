#pragma once

#include <optional>

#include "core/ledger/roll.hpp"

namespace starling {

/// Why a peer may not be connected by the name `node` with a certificate of `ca`; nothing: it may.
/// \param pin   what was said with PinPeer; nullptr: nothing.
/// \param held  of who is connected by that name; nullptr: nobody is.
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
