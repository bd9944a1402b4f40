// Linearizability (Herlihy and Wing, 1990) is expensive to check in general, since a valid order
// has to be searched. Here the log is a witness: an operation has taken effect at the index of its
// entry, so only this order is checked, in one pass over the events.
#include "core/check/history_check.hpp"

#include <algorithm>
#include <array>

namespace starling {
namespace {

constexpr std::string_view linearizable = "linearizable";
constexpr std::string_view exactly_once = "applied exactly once";

std::string text_of(const NodeId& node, std::uint64_t session, std::uint64_t sequence) {
    return "command " + std::to_string(sequence) + " of " + node.name + " (session " +
           std::to_string(session) + ")";
}

/// Codes with which an SN refuses a command before it is proposed: it has no entry in the ledger.
bool is_refused_unwritten(std::uint64_t code) {
    const std::array codes{Errc::refused, Errc::malformed, Errc::too_large, Errc::layout_mismatch,
                           Errc::config_mismatch};
    return std::any_of(codes.begin(), codes.end(),
                       [&](Errc one) { return code == static_cast<std::uint64_t>(one); });
}

std::string answer_text(std::uint64_t code, std::uint64_t run) {
    return "code " + std::to_string(code) + ", run " + std::to_string(run);
}

}  // namespace

void HistoryCheck::on_sent(SwarmTime time, const NodeId& node, std::uint64_t session,
                           std::uint64_t sequence) {
    Session& state = sessions_[{node, session}];
    state.sent = sequence;
    state.floor = floor_at(time);
    if (state.applied >= sequence && clock_error_ == SwarmDuration{0}) {
        violations_.add(time, node, linearizable,
                        text_of(node, session, sequence) + " is sent now and took effect before, " +
                            "at entry " + std::to_string(state.index));
    }
}

void HistoryCheck::on_applied(SwarmTime time, const NodeId& node, std::uint64_t index,
                              const AppliedCommand& command) {
    if (command.session == 0) {
        return;
    }
    const std::string what = text_of(command.signer, command.session, command.sequence);
    Session& state = sessions_[{command.signer, command.session}];
    std::uint64_t& newest = newest_sessions_[command.signer];
    if (command.repeated) {
        // A command of an earlier start of the client is refused, and so has no effect.
        if (command.session >= newest && command.sequence > state.applied && !incomplete_) {
            violations_.add(time, node, exactly_once,
                            "entry " + std::to_string(index) + ": " + what +
                                " is treated as a repetition but was never applied; the newest " +
                                "that was is " + std::to_string(state.applied));
        }
        return;
    }
    if (command.sequence <= state.applied) {
        violations_.add(time, node, exactly_once,
                        what + " takes effect at entry " + std::to_string(index) +
                            ", and command " + std::to_string(state.applied) +
                            " of the same session did so at entry " + std::to_string(state.index));
        return;
    }
    if (command.session < newest) {
        violations_.add(time, node, exactly_once,
                        what + " takes effect at entry " + std::to_string(index) +
                            ", and session " + std::to_string(newest) +
                            " of that client began before");
    }
    newest = std::max(newest, command.session);
    state.applied = command.sequence;
    state.index = index;
    state.answer = command.answer;
    state.run = command.run;
    if (state.sent == command.sequence && index <= state.floor) {
        violations_.add(time, node, linearizable,
                        what + " takes effect at entry " + std::to_string(index) + ", and entry " +
                            std::to_string(state.floor) + " was answered before it was sent");
    }
    if (state.waiting) {
        const Answered answer = *state.waiting;
        state.waiting.reset();
        compare(command.signer, state, answer);
        answered(answer.time, index);
    }
}

void HistoryCheck::on_answered(SwarmTime time, const NodeId& node, std::uint64_t session,
                               std::uint64_t sequence, std::uint64_t code, std::uint64_t run) {
    ++operations_;
    Session& state = sessions_[{node, session}];
    const Answered answer{time, sequence, code, run};
    if (state.applied == sequence) {
        compare(node, state, answer);
        answered(time, state.index);
    } else if (state.reads || is_refused_unwritten(code)) {
        return;
    } else if (clock_error_ > SwarmDuration{0}) {
        state.waiting = answer;
    } else if (!incomplete_) {
        violations_.add(time, node, exactly_once,
                        text_of(node, session, sequence) + " is answered (" +
                            answer_text(code, run) + ") and was not applied; the newest that was " +
                            "is " + std::to_string(state.applied));
    }
}

void HistoryCheck::compare(const NodeId& node, const Session& session, const Answered& answer) {
    if (answer.code != session.answer || answer.run != session.run) {
        violations_.add(answer.time, node, linearizable,
                        "command " + std::to_string(answer.sequence) + " is answered with " +
                            answer_text(answer.code, answer.run) + ", and the ledger answers at " +
                            "entry " + std::to_string(session.index) + " with " +
                            answer_text(session.answer, session.run));
    }
}

void HistoryCheck::on_read_sent(SwarmTime time, const NodeId& node) {
    read_floors_[node] = floor_at(time);
}

void HistoryCheck::on_read_answered(SwarmTime time, const NodeId& node, std::uint64_t index) {
    const auto floor = read_floors_.find(node);
    if (floor == read_floors_.end()) {
        return;
    }
    ++reads_;
    if (index < floor->second) {
        violations_.add(time, node, linearizable,
                        "a read sees the ledger as of entry " + std::to_string(index) +
                            ", and entry " + std::to_string(floor->second) +
                            " was answered before the read began");
    }
    read_floors_.erase(floor);
    answered(time, index);
}

std::uint64_t HistoryCheck::floor_at(SwarmTime time) {
    while (!newly_answered_.empty() && newly_answered_.begin()->first + clock_error_ <= time) {
        floor_ = std::max(floor_, newly_answered_.begin()->second);
        newly_answered_.erase(newly_answered_.begin());
    }
    return floor_;
}

void HistoryCheck::answered(SwarmTime time, std::uint64_t index) {
    std::uint64_t& newest = newly_answered_[time];
    newest = std::max(newest, index);
}

std::uint64_t HistoryCheck::finish(SwarmTime time, SwarmTime complete_until) {
    std::uint64_t not_judged = 0;
    for (const auto& [key, session] : sessions_) {
        if (!session.waiting) {
            continue;
        }
        if (incomplete_ || session.waiting->time + clock_error_ >= complete_until) {
            ++not_judged;
        } else {
            violations_.add(time, key.first, exactly_once,
                            text_of(key.first, key.second, session.waiting->sequence) +
                                " was answered and never applied");
        }
    }
    return not_judged;
}

}  // namespace starling
