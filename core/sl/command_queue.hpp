#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/lazy_container.hpp"
#include "core/node/node.hpp"
#include "core/node/outbox.hpp"
#include "core/sl/sl_node.hpp"

namespace starling {

/// Commands to the SN, one at a time and in order: each is signed once and resent until it is
/// answered, over any connection. The ledger applies it once per (session, sequence), so those that
/// an SN has answered may be sent to another one again: it may have lied.
class CommandQueue {
public:
    /// \param node  whose commands these are; must outlive this
    explicit CommandQueue(const SlNodeOptions& node) : node_(&node) {}

    bool empty() const { return commands_->empty(); }
    /// The one that is sent until it is answered. \pre !empty()
    const Command& first() const { return commands_->front().submit.command; }
    /// Whether that one was answered before. \pre !empty()
    bool is_again() const { return commands_->front().again; }
    bool keeps_answered() const { return !answered_->empty(); }
    /// Whether a registration or an enrolment waits for its answer.
    bool awaits_start() const {
        return std::any_of(commands_->begin(), commands_->end(),
                           [](const Queued& one) { return is_start(one.submit.command); });
    }
    static bool is_start(const Command& command) {
        return std::holds_alternative<RegisterNode>(command) ||
               std::holds_alternative<Enrol>(command);
    }
    void push(Command command) {
        const std::uint64_t sequence = sequence_ + commands_->size();
        SubmitCommand submit{node_->session, sequence, std::move(command), {}};
        submit.signature =
            node_->signer->sign(command_text(node_->id, node_->session, sequence, submit.command));
        commands_.change().push_back({std::move(submit)});
    }

    /// The first command is sent next if `retry`, or if it was not sent yet. \return  what to send;
    ///     nullptr: nothing
    const SubmitCommand* next(bool retry, Outbox& out) {
        if (empty() || (sent_ && !retry)) {
            return nullptr;
        }
        if (std::exchange(refused_, false)) {
            open_answered();
        }
        Queued& first = commands_.change().front();
        if (!std::exchange(first.reported, true)) {
            out.report(TraceEvent("command_sent")
                           .with("session", node_->session)
                           .with("sequence", sequence_)
                           .with("kind", std::string(name_of(first.submit.command))));
        }
        sent_ = true;
        return &first.submit;
    }
    /// True if `result` answers the first command, which is then taken off by pop(). No ledger
    /// refuses a check-in (it may be stale): an SN that says so lies, or lacks the node's newest
    /// start. Taken off, it would leave a gap, and no command after it would be next in the ledger.
    bool answers(const CommandResult& result) const {
        return is_about_first(result) &&
               (result.code != Errc::refused || !std::holds_alternative<CheckInRound>(first()));
    }
    /// The first command was refused, but not answered. An SN may have lied that it had sent an
    /// earlier one on, so those that are kept are sent again before it, the next time.
    void note_refusal(const CommandResult& result) {
        refused_ = refused_ || (result.code == Errc::refused && is_about_first(result));
    }
    /// Those that are kept wait for an answer again, before all others.
    void open_answered() {
        if (!keeps_answered()) {
            return;
        }
        for (Queued& one : answered_.change()) {
            one.again = true;
        }
        sequence_ -= answered_->size();
        sent_ = false;
        commands_.change().splice(commands_->begin(), answered_.change());
        answered_.clear();
    }
    /// \param keep  in case that this answer is a lie. \pre answers(result)
    Command pop(const CommandResult& result, bool keep, Outbox& out) {
        if (!is_again()) {
            out.report(TraceEvent("command_answered")
                           .with("session", node_->session)
                           .with("sequence", sequence_)
                           .with("code", static_cast<std::uint64_t>(result.code))
                           .with("run", result.run));
        }
        Command command = first();
        std::list<Queued>& commands = commands_.change();
        if (keep) {
            std::list<Queued>& answered = answered_.change();
            answered.splice(answered.end(), commands, commands.begin());
            if (answered.size() > answered_max) {
                forgotten_ = std::max(forgotten_, round_of(answered.front()));
                answered.pop_front();
            }
        } else {
            commands.pop_front();
        }
        commands_.free_if_empty();
        ++sequence_;
        sent_ = false;
        return command;
    }
    /// Other members exchange that round with this node, so a check-in for it is in the ledger: the
    /// first one at least, and all commands before that.
    void forget_up_to(Round round) {
        const bool first_is_gone = forgotten_ && *forgotten_ >= round;
        if (!keeps_answered() || first_is_gone) {
            return;
        }
        std::list<Queued>& answered = answered_.change();
        auto end = answered.begin();
        for (auto one = answered.begin(); one != answered.end(); ++one) {
            const auto of = round_of(*one);
            if (of && *of <= round) {
                end = std::next(one);
                forgotten_ = std::max(forgotten_, of);
                if (*of == round) {
                    break;
                }
            }
        }
        answered.erase(answered.begin(), end);
        answered_.free_if_empty();
    }

private:
    static constexpr std::size_t answered_max = 16;
    struct Queued {
        SubmitCommand submit;
        bool reported = false;  ///< that it was sent
        bool again = false;     ///< it was answered before
    };

    /// Of a check-in.
    static std::optional<Round> round_of(const Queued& one) {
        const auto* check_in = std::get_if<CheckInRound>(&one.submit.command);
        return check_in == nullptr ? std::nullopt : std::optional(check_in->round);
    }
    /// Of this start, and about the first command, which was sent.
    bool is_about_first(const CommandResult& result) const {
        return sent_ && !empty() && result.sequence == sequence_ && result.is_for(node_->session);
    }

    const SlNodeOptions* node_;
    std::uint64_t sequence_ = 1;  ///< of the first command
    bool sent_ = false;           ///< the first command, since it is the first one
    bool refused_ = false;        ///< a command that is not answered by that
    LazyContainer<std::list<Queued>> commands_;
    std::optional<Round> forgotten_;  ///< the newest one of which a check-in is not kept any more
    LazyContainer<std::list<Queued>> answered_;  ///< the newest of those before, if they are kept
};

}  // namespace starling
