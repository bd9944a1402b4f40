// Detection of NaN and infinity in the parameters of this node's program and in what other members
// send: one such value would be in everybody's model.
#include "core/merge/finite.hpp"
#include "core/sl/sl_state.hpp"

namespace starling {

/// Checks a segment from the ML on arrival, while it is in the processor's cache.
void SlNode::check_own_segment(std::uint32_t segment) {
    auto& found = sync_->non_finite;
    if (session_->open.config.non_finite == NonFinitePolicy::allow ||
        (found && found->segment < segment)) {
        return;
    }
    if (auto tensor = first_non_finite_tensor(*session_->layout, segment, sync_->params[segment])) {
        found = NonFiniteTensor{segment, std::move(*tensor)};
    }
}

/// Reports the result once all segments are here, before the check-in.
void SlNode::report_own_non_finite(Outbox& out) {
    sync_->check_in.non_finite = sync_->non_finite.has_value();
    if (!sync_->non_finite) {
        return;
    }
    const std::string round = std::to_string(next_round_);
    const bool refused = session_->open.config.non_finite == NonFinitePolicy::refuse;
    out.report(TraceEvent("own_parameters_not_finite")
                   .with("round", next_round_)
                   .with("tensor", sync_->non_finite->tensor)
                   .log(Level::error, sl_component,
                        "This node's parameters hold NaN or infinity (first in tensor '" +
                            sync_->non_finite->tensor + "'): " +
                            (refused ? "round " + round +
                                           " is merged without them, and training goes on from the "
                                           "others' model"
                                     : "they go into round " + round +
                                           " all the same, as policy 'warn' says") +
                            ". Look at the loss, the learning rate and the data of this node"));
}

/// Reports members that sent such values in this round: in contributions to segments that are
/// merged here, or in segments that they merged.
void SlNode::name_non_finite(const std::vector<NodeId>& nodes, Outbox& out) {
    for (const NodeId& node : nodes) {
        const Round round = exchange_->key().round;
        if (node == options_.id || !named_non_finite_.insert({round, node}).second) {
            continue;
        }
        const bool left_out = session_->open.config.non_finite == NonFinitePolicy::refuse;
        out.report(TraceEvent("contribution_not_finite")
                       .with("round", round)
                       .with("node", node.name)
                       .log(Level::error, sl_component,
                            "What member '" + node.name + "' sent for round " +
                                std::to_string(round) + " holds NaN or infinity: " +
                                (left_out ? "it is not used here"
                                          : "it is merged all the same, as policy 'warn' says")));
        submit(NameNonFinite{session_->open.contract, session_->run, round, node}, out);
    }
}

}  // namespace starling
