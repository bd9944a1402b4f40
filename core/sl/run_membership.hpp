#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/node/outbox.hpp"
#include "core/sl/shared_rounds.hpp"

namespace starling {

/// This node's place in a run, as the ledger knows it: whether it is enrolled, the newest view of
/// the contract, which round is next, and how the newest check-in was answered.
class RunMembership {
public:
    /// \param shared  not nullptr
    explicit RunMembership(std::shared_ptr<SharedRounds> shared) : shared_(std::move(shared)) {}

    /// The contract that this node will enrol in; until then there is no run.
    void set_contract(std::string name) { contract_ = std::move(name); }
    void on_enrolled(Run run);
    /// The run has ended.
    void on_ended() { enrolled_ = false; }
    /// The lease has expired: this node has to enrol again, and to learn the state anew.
    void on_expired();

    bool enrolled() const { return enrolled_; }
    const ShortText& contract() const { return contract_; }
    /// The one that this node is enrolled in, or was at last.
    Run run() const { return run_; }
    /// Whether that is the run that this node is enrolled in.
    bool is_in(const std::string& contract, Run run) const;

    /// Whether the view is of this run, and later than all before.
    bool is_news(const ContractView& view) const;
    void take(const ContractView& view);
    /// Whether a view of the same version tells the same. \pre view()
    bool is_like(const ContractView& view) const;
    /// It was made up: any other one is news.
    void forget_view() { view_.reset(); }
    /// The newest view has an earlier commit than that which this node has gone on from, which an
    /// SN had made up. That commit is news then. \return  whether it is so. \pre view()
    bool go_back();
    /// The newest one; nullptr: there is none.
    const std::shared_ptr<const ContractView>& view() const { return view_; }
    /// Of the attempt in the view. \pre view()
    RoundKey key() const { return {contract_, run_, view_->round, view_->attempt}; }
    /// Of the attempt that was committed.
    RoundKey key_of(const Commit& commit) const {
        return {contract_, run_, commit.round, commit.attempt};
    }
    /// Whether the view's attempt is frozen with this start of this node. \pre view()
    bool is_frozen_with(const NodeId& node, std::uint64_t session) const;

    /// The round that the next check-in is for.
    Round next_round() const { return next_round_; }
    /// The model of this round is here.
    void on_committed(Round round);
    /// Members of this run's rounds so far.
    std::size_t member_count() const { return members_seen_.size(); }
    /// Whether a member of this run's earlier rounds is not among these.
    bool someone_is_not_in(const MemberList& members) const;

    /// A check-in for the next round is sent.
    void on_check_in(SwarmTime now);
    void on_check_in_answered(SwarmTime now, bool accepted) {
        refused_ = !accepted;
        accepted_ = accepted;
        sn_time_ = delayed_ ? sn_time_ : now - checked_in_at_;
    }
    /// None was sent for the next round, though the program waits: see check_in_is_outdated().
    void on_check_in_missed() { refused_ = true; }
    /// It is sent later, see expects_commit_at_once().
    void on_check_in_delayed() { delayed_ = true; }
    SwarmTime checked_in_at() const { return checked_in_at_; }
    /// A round was frozen: its members merge it, or report that, only now.
    void on_frozen() { at_once_ = false; }
    /// The round was committed by the check-ins.
    void on_committed_at_once() { at_once_ = true; }
    /// The round is merged, and a report or check-in tells of it.
    void on_merged(SwarmTime now) { merge_time_ = now - checked_in_at_; }
    /// Whether the next round may be committed by its check-ins, if all of its members delay these
    /// until they have merged it. A delay only costs time where they do not arrive together, or
    /// where the merge takes far longer than the way to the SN. So it is tried if the round before
    /// was committed so, and otherwise in every eighth round, by all members in the same one.
    bool expects_commit_at_once() const {
        const SwarmDuration short_merge =
            std::max<SwarmDuration>(std::chrono::milliseconds(50), 2 * sn_time_);
        return (at_once_ || next_round_ % 8 == 1) && merge_time_ <= short_merge;
    }
    /// Whether a heartbeat tells of the transfers of the round that is merged: once in `interval`,
    /// and of the last one.
    bool tells_transfer(SwarmTime now, SwarmDuration interval, bool last) {
        const bool due = last || now - transfer_told_at_ >= interval;
        transfer_told_at_ = due ? now : transfer_told_at_;
        return due;
    }
    /// How long a check-in is delayed at most: four times as long as the last merge took. If a
    /// member does not begin early, nothing tells the others, and all wait.
    SwarmDuration longest_delay(SwarmDuration most) const {
        return std::min(most,
                        std::max<SwarmDuration>(4 * merge_time_, std::chrono::milliseconds(100)));
    }
    /// Whether the newest check-in was late for an attempt, or excluded from one, and may be
    /// repeated for the attempt that gathers now. A duplicate changes nothing.
    bool check_in_is_outdated() const;
    /// Whether the view's attempt, or its last commit, is without this start of this node, though
    /// the newest check-in was accepted for it. \pre view()
    bool is_left_out(const NodeId& node, std::uint64_t session) const;
    /// How many have checked in, each time that this changes while the round lacks members.
    ///
    /// \param waits  this node has checked in.
    void report_waiting(bool waits, Outbox& out);

private:
    std::shared_ptr<SharedRounds> shared_;
    ShortText contract_;
    Run run_ = 0;
    std::uint32_t reported_waiting_ = 0;        ///< checked_in of the last view
    std::shared_ptr<const ContractView> view_;  ///< the newest of this run; their versions grow
    Round next_round_ = 0;                      ///< one more than the newest committed model here
    MemberList members_seen_;                   ///< of this run's rounds
    bool enrolled_ = false;
    bool at_once_ = false;        ///< the newest round was committed by its check-ins
    SwarmDuration merge_time_{};  ///< from the newest check-in (before its delay) to on_merged()
    SwarmDuration sn_time_{};     ///< from a check-in that was not delayed to its answer

    // Of the newest check-in.
    bool refused_ = false;  ///< the round had gone on
    bool accepted_ = false;
    bool delayed_ = false;
    Attempt attempt_ = 0;  ///< that was on
    SwarmTime checked_in_at_{};
    SwarmTime transfer_told_at_{};
};

}  // namespace starling
