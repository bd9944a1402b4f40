#include "core/sl/non_finite.hpp"

#include "core/sl/sl_log.hpp"

namespace starling {

void report_own_non_finite(Round round, const std::string& tensor, NonFinitePolicy policy,
                           Outbox& out) {
    const std::string number = std::to_string(round);
    const bool refused = policy == NonFinitePolicy::refuse;
    out.report(
        TraceEvent("own_parameters_not_finite")
            .with("round", round)
            .with("tensor", tensor)
            .log(Level::error, sl_component,
                 "This node's parameters contain NaN or infinity (first in tensor '" + tensor +
                     "'): " +
                     (refused ? "round " + number +
                                    " is merged without them, and training continues from the "
                                    "others' model"
                              : "they go into round " + number +
                                    " nevertheless, because of policy 'warn'") +
                     ". Check the loss, the learning rate and the data of this node"));
}

void report_non_finite_of(const NodeId& member, Round round, NonFinitePolicy policy, Outbox& out) {
    const bool left_out = policy == NonFinitePolicy::refuse;
    out.report(TraceEvent("contribution_not_finite")
                   .with("round", round)
                   .with("node", member.name)
                   .log(Level::error, sl_component,
                        "Parameters of member '" + member.name + "' for round " +
                            std::to_string(round) + " contain NaN or infinity: " +
                            (left_out ? "not used here"
                                      : "merged nevertheless, because of policy 'warn'")));
}

}  // namespace starling
