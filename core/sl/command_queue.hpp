#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/node/node.hpp"

namespace starling {

/// Commands to the SN, one at a time and in order: each is sent again until it is answered, on
/// whatever connection is up by then. The SN applies it once per (session, sequence).
class CommandQueue {
public:
    explicit CommandQueue(std::uint64_t session) : session_(session) {}

    bool empty() const { return commands_.empty(); }
    void push(Command command) { commands_.push_back(std::move(command)); }

    /// Sends the first command if `retry`, or if it was not sent yet.
    void send(const NodeId& sn, bool retry, std::vector<Effect>& effects) {
        if (commands_.empty() || (sent_ && !retry)) {
            return;
        }
        if (!sent_) {
            effects.push_back(Report{TraceEvent("command_sent")
                                         .with("session", session_)
                                         .with("sequence", sequence_)
                                         .with("kind", std::string(name_of(commands_.front())))});
        }
        sent_ = true;
        effects.push_back(Send{sn, {SubmitCommand{session_, sequence_, commands_.front()}, {}}});
    }
    /// True if `result` answers the first command, which is then taken off by pop().
    bool answers(const CommandResult& result) const {
        return sent_ && !commands_.empty() && result.sequence == sequence_;
    }
    /// \pre answers(result)
    Command pop(const CommandResult& result, std::vector<Effect>& effects) {
        effects.push_back(Report{TraceEvent("command_answered")
                                     .with("session", session_)
                                     .with("sequence", sequence_)
                                     .with("code", static_cast<std::uint64_t>(result.code))
                                     .with("run", result.run)});
        Command command = std::move(commands_.front());
        commands_.pop_front();
        ++sequence_;
        sent_ = false;
        return command;
    }

private:
    std::uint64_t session_;
    std::uint64_t sequence_ = 1;
    bool sent_ = false;
    std::deque<Command> commands_;
};

}  // namespace starling
