#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <utility>
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
    /// The one that is sent until it is answered. \pre !empty()
    const Command& first() const { return commands_.front().command; }
    bool keeps_answered() const { return !answered_.empty(); }
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
        if (std::exchange(repeats_answered_, false)) {
            for (const SubmitCommand& earlier : answered_) {
                out.send(sn, earlier);
            }
        }
        sent_ = true;
        out.send(sn, commands_.front());
    }
    /// True if `result` answers the first command, which is then taken off by pop(). No ledger
    /// refuses a check-in (it may be stale): an SN that says so lies, or lacks the node's newest
    /// start. Taken off, it would leave a gap, and no command after it would be next in the ledger.
    bool answers(const CommandResult& result) const {
        return is_about_first(result) &&
               (result.code != Errc::refused || !std::holds_alternative<CheckInRound>(first()));
    }
    /// The first command was refused, but not answered. An SN may have lied that it had sent an
    /// earlier one on, so those that are kept are repeated before it, the next time.
    void note_refusal(const CommandResult& result) {
        if (result.code == Errc::refused && is_about_first(result)) {
            repeat_answered();
        }
    }
    void repeat_answered() { repeats_answered_ = true; }
    /// \param keep  in case that this answer is a lie. \pre answers(result)
    Command pop(const CommandResult& result, bool keep, Outbox& out) {
        out.report(TraceEvent("command_answered")
                       .with("session", session_)
                       .with("sequence", sequence_)
                       .with("code", static_cast<std::uint64_t>(result.code))
                       .with("run", result.run));
        Command command = commands_.front().command;
        if (keep) {
            answered_.splice(answered_.end(), commands_, commands_.begin());
            if (answered_.size() > answered_max) {
                answered_.pop_front();
            }
        } else {
            commands_.pop_front();
        }
        ++sequence_;
        sent_ = false;
        return command;
    }

private:
    static constexpr std::size_t answered_max = 16;

    /// Of this start, and about the first command, which was sent.
    bool is_about_first(const CommandResult& result) const {
        return sent_ && !commands_.empty() && result.sequence == sequence_ &&
               result.is_for(session_);
    }

    NodeId self_;
    std::uint64_t session_;
    std::shared_ptr<const NodeSigner> signer_;
    std::uint64_t sequence_ = 1;  ///< of the first command
    bool sent_ = false;
    std::list<SubmitCommand> commands_;  ///< an empty deque would take 400 bytes
    std::list<SubmitCommand> answered_;  ///< the newest of those before, if they are kept
    bool repeats_answered_ = false;
};

}  // namespace starling
