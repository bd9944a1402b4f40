#include "core/sl/non_finite.hpp"

#include "core/sl/sl_log.hpp"

namespace starling {

void report_own_non_finite(Round round, const std::string& tensor, NonFinitePolicy policy,
                           Outbox& out) {
    const std::string number = std::to_string(round);
    const bool refused = policy == NonFinitePolicy::refuse;
    out.report(TraceEvent("own_parameters_not_finite")
                   .with("round", round)
                   .with("tensor", tensor)
                   .log(Level::error, sl_component,
                        "This node's parameters hold NaN or infinity (first in tensor '" + tensor +
                            "'): " +
                            (refused ? "round " + number +
                                           " is merged without them, and training goes on from the "
                                           "others' model"
                                     : "they go into round " + number +
                                           " all the same, as policy 'warn' says") +
                            ". Look at the loss, the learning rate and the data of this node"));
}

void report_non_finite_of(const NodeId& member, Round round, NonFinitePolicy policy, Outbox& out) {
    const bool left_out = policy == NonFinitePolicy::refuse;
    out.report(TraceEvent("contribution_not_finite")
                   .with("round", round)
                   .with("node", member.name)
                   .log(Level::error, sl_component,
                        "What member '" + member.name + "' sent for round " +
                            std::to_string(round) + " holds NaN or infinity: " +
                            (left_out ? "it is not used here"
                                      : "it is merged all the same, as policy 'warn' says")));
}

}  // namespace starling
