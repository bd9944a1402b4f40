// Parameters with NaN or infinity in them: what this node's own program hands in, and what the
// other members send. One such value would be in everybody's model.
#include "core/merge/finite.hpp"
#include "core/sl/sl_state.hpp"

namespace starling {

/// Looks at what the ML handed in, before the check-in says so to all.
void SlNode::check_own_parameters(std::vector<Effect>& effects) {
    sync_->check_in.non_finite = false;
    const NonFinitePolicy policy = session_->open.config.non_finite;
    if (policy == NonFinitePolicy::allow) {
        return;
    }
    for (std::uint32_t segment = 0; segment < sync_->params.size(); ++segment) {
        const std::optional<std::string> tensor =
            first_non_finite_tensor(*session_->layout, segment, sync_->params[segment]);
        if (!tensor) {
            continue;
        }
        sync_->check_in.non_finite = true;
        effects.push_back(Report{
            TraceEvent("own_parameters_not_finite")
                .with("round", next_round_)
                .with("tensor", *tensor)
                .log(Level::error, component,
                     "This node's parameters hold NaN or infinity (first in tensor '" + *tensor +
                         "'): " +
                         (policy == NonFinitePolicy::refuse
                              ? "round " + std::to_string(next_round_) +
                                    " is merged without them, and training goes on from the "
                                    "others' model"
                              : "they go into round " + std::to_string(next_round_) +
                                    " all the same, as policy 'warn' says") +
                         ". Look at the loss, the learning rate and the data of this node")});
        return;
    }
}

/// Members that sent such values in this round: contributions to segments that are merged here, or
/// segments that they merged.
void SlNode::name_non_finite(const std::vector<NodeId>& nodes, std::vector<Effect>& effects) {
    for (const NodeId& node : nodes) {
        const Round round = exchange_->key().round;
        if (node == options_.id || !named_non_finite_.insert({round, node}).second) {
            continue;
        }
        const bool left_out = session_->open.config.non_finite == NonFinitePolicy::refuse;
        effects.push_back(
            Report{TraceEvent("contribution_not_finite")
                       .with("round", round)
                       .with("node", node.name)
                       .log(Level::error, component,
                            "What member '" + node.name + "' sent for round " +
                                std::to_string(round) + " holds NaN or infinity: " +
                                (left_out ? "it is not used here"
                                          : "it is merged all the same, as policy 'warn' says"))});
        submit(NameNonFinite{session_->open.contract, session_->run, round, node}, effects);
    }
}

}  // namespace starling
