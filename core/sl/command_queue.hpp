#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "core/node/node.hpp"
#include "core/node/outbox.hpp"

namespace starling {

/// Commands to the SN, one at a time and in order: each is signed once and resent until it is
/// answered, over any connection. The ledger applies it once per (session, sequence).
class CommandQueue {
public:
    CommandQueue(NodeId self, std::uint64_t session, std::shared_ptr<const NodeSigner> signer)
        : self_(std::move(self)), session_(session), signer_(std::move(signer)) {}

    bool empty() const { return commands_.empty(); }
    void push(Command command) {
        const std::uint64_t sequence = sequence_ + commands_.size();
        SubmitCommand submit{session_, sequence, std::move(command), {}};
        submit.signature = signer_->sign(command_text(self_, session_, sequence, submit.command));
        commands_.push_back(std::move(submit));
    }

    /// Sends the first command if `retry`, or if it was not sent yet.
    void send(const NodeId& sn, bool retry, Outbox& out) {
        if (commands_.empty() || (sent_ && !retry)) {
            return;
        }
        if (!sent_) {
            out.report(TraceEvent("command_sent")
                           .with("session", session_)
                           .with("sequence", sequence_)
                           .with("kind", std::string(name_of(commands_.front().command))));
        }
        sent_ = true;
        out.send(sn, commands_.front());
    }
    /// True if `result` answers the first command, which is then taken off by pop(). No ledger
    /// refuses a check-in (it may be stale): an SN that says so lies, or lacks the node's newest
    /// start. Taken off, it would leave a gap, and no command after it would be next in the ledger.
    bool answers(const CommandResult& result) const {
        return sent_ && !commands_.empty() && result.sequence == sequence_ &&
               result.is_for(session_) &&
               (result.code != Errc::refused ||
                !std::holds_alternative<CheckInRound>(commands_.front().command));
    }
    /// \pre answers(result)
    Command pop(const CommandResult& result, Outbox& out) {
        out.report(TraceEvent("command_answered")
                       .with("session", session_)
                       .with("sequence", sequence_)
                       .with("code", static_cast<std::uint64_t>(result.code))
                       .with("run", result.run));
        Command command = std::move(commands_.front().command);
        commands_.pop_front();
        ++sequence_;
        sent_ = false;
        return command;
    }

private:
    NodeId self_;
    std::uint64_t session_;
    std::shared_ptr<const NodeSigner> signer_;
    std::uint64_t sequence_ = 1;  ///< of the first command
    bool sent_ = false;
    std::list<SubmitCommand> commands_;  ///< an empty deque would take 400 bytes
};

}  // namespace starling
