#include "core/sl/run_membership.hpp"

#include <tuple>

#include "core/sl/sl_log.hpp"

namespace starling {

void RunMembership::on_enrolled(Run run) {
    enrolled_ = true;
    run_ = run;
}

void RunMembership::on_expired() {
    enrolled_ = false;
    view_.reset();
}

bool RunMembership::is_in(const std::string& contract, Run run) const {
    return enrolled_ && contract == contract_ && run == run_;
}

bool RunMembership::is_news(const ContractView& view) const {
    return is_in(view.name, view.run) && (!view_ || view.version > view_->version);
}

/// Lists of members may be named by their digests only.
bool RunMembership::is_like(const ContractView& view) const {
    const auto commit_of = [](const ContractView& of) {
        return of.last_commit ? std::tuple(of.last_commit->round, of.last_commit->digest,
                                           of.last_commit->final)
                              : std::tuple(Round{}, Digest{}, false);
    };
    return view.version == view_->version && view.phase == view_->phase &&
           view.round == view_->round && view.attempt == view_->attempt &&
           (view.frozen.empty() || view.frozen == view_->frozen) &&
           commit_of(view) == commit_of(*view_);
}

void RunMembership::take(const ContractView& view) {
    view_ = shared_->copy_of(view);
    members_seen_ = shared_->all_of(members_seen_, view.frozen);
    if (view.last_commit) {
        members_seen_ = shared_->all_of(members_seen_, view.last_commit->members);
    }
}

bool RunMembership::go_back() {
    const std::optional<Commit>& commit = view_->last_commit;
    if (next_round_ <= (commit ? commit->round + 1 : 0)) {
        return false;
    }
    next_round_ = commit ? commit->round : 0;
    refused_ = true;  // the newest check-in was for a round that is not on
    return true;
}

bool RunMembership::is_frozen_with(const NodeId& node, std::uint64_t session) const {
    const RoundMember* const member = view_->frozen.find(node);
    return member != nullptr && (member->session == 0 || member->session == session);
}

void RunMembership::on_committed(Round round) {
    refused_ = false;
    next_round_ = round + 1;
}

bool RunMembership::someone_is_not_in(const MemberList& members) const {
    return !shared_->all_of(members, members_seen_).is_copy_of(members);
}

void RunMembership::on_check_in(SwarmTime now) {
    checked_in_at_ = now;
    attempt_ = view_ && view_->round == next_round_ ? view_->attempt : 0;
    refused_ = false;
    accepted_ = false;
    delayed_ = false;
}

bool RunMembership::is_left_out(const NodeId& node, std::uint64_t session) const {
    const auto lacks = [&](const MemberList& members) {
        const RoundMember* const member = members.find(node);
        return member == nullptr || (member->session != 0 && member->session != session);
    };
    const auto is_checked_in_for = [&](Round round, Attempt attempt) {
        return accepted_ && round == next_round_ && attempt == attempt_;
    };
    const ContractView& view = *view_;
    return (view.phase == ContractPhase::exchanging &&
            is_checked_in_for(view.round, view.attempt) && lacks(view.frozen)) ||
           (view.last_commit &&
            is_checked_in_for(view.last_commit->round, view.last_commit->attempt) &&
            lacks(view.last_commit->members));
}

bool RunMembership::check_in_is_outdated() const {
    return view_ && view_->phase == ContractPhase::gathering && view_->round == next_round_ &&
           (refused_ || view_->attempt > attempt_);
}

void RunMembership::report_waiting(bool waits, Outbox& out) {
    const ContractView& view = *view_;
    if (view.phase == ContractPhase::gathering && waits && view.checked_in < view.min_peers &&
        view.checked_in != reported_waiting_) {
        log_sl(Level::info,
               "Waiting for checkin completion criteria to be met: round " +
                   std::to_string(view.round) + ", " + std::to_string(view.checked_in) + "/" +
                   std::to_string(view.min_peers),
               out);
        out.report(TraceEvent("waiting")
                       .with("round", view.round)
                       .with("here", view.checked_in)
                       .with("min_peers", view.min_peers));
    }
    reported_waiting_ = view.checked_in;
}

}  // namespace starling
