#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/sn/sn_status.hpp"

namespace starling {

/// The newest committed model of a run, if members ask for it and nobody sends it to them.
struct MissingModel {
    Round round = 0;
    std::vector<NodeId> asking;  ///< connected, and without a byte of it for half a minute
    // Members that have reported it, but don't ask for it:
    std::vector<NodeId> away;    ///< not connected
    std::vector<NodeId> silent;  ///< connected

    /// Whether all that had it ask for it: no disk in the swarm has it.
    bool is_lost() const { return away.empty() && silent.empty(); }
};

/// Nothing while a round is exchanged, since its members have the model, and while bytes come.
///
/// \param peers  of the SN that leads: the others know of the members that are connected to them.
std::optional<MissingModel> missing_model(const Contract& contract,
                                          const std::map<NodeId, SnPeer>& peers, SwarmTime now);

/// For people: who asks, who had it, and what to do.
std::string missing_model_text(const Contract& contract, const MissingModel& missing);

}  // namespace starling
