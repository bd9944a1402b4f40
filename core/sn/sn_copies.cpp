// What follows when this SN's disk may be a copy of another one's: see OriginalCheck.
#include "core/sn/detail/sn_dispatcher.hpp"

namespace starling {

void SnNode::on_started(Outbox& out) {
    if (takes_state()) {
        state_.transfer.begin(*options_.sentinel, now_, out);
    } else if (!state_.original.begin(options_.id, options_.log, options_.peer_address, now_,
                                      out)) {
        start(out);
    }
}

void SnNode::while_asking_original(const Input& input, Outbox& out) {
    switch (state_.original.on_input(input, out)) {
        case OriginalCheck::Verdict::waiting:
            return;
        case OriginalCheck::Verdict::stopped:
            on_stop(std::get<StopRequested>(input), out);
            return;
        case OriginalCheck::Verdict::copied:
            end_as_copy("one runs at " + to_string(state_.original.found_at()) +
                            ", the previous address of this one: its ledger was copied",
                        out);
            return;
        case OriginalCheck::Verdict::alone:
            start(out, state_.original.take_held());
            return;
    }
}

void SnNode::end_as_copy(const std::string& why, Outbox& out) {
    end(exit_code::refused,
        "Two SNs are named '" + options_.id.name + "': " + why +
            ". Keep one; the other needs its own name, certificate and empty disk",
        out);
}

}  // namespace starling
