// What the SN in use answers, and when it is suspected of lying.
#include <algorithm>
#include <utility>

#include "core/sl/sl_log.hpp"
#include "core/sl/sn_link.hpp"

namespace starling {
namespace {

/// Between two connections to other SNs since the one in use has left this node out.
constexpr SwarmDuration left_out_interval = std::chrono::seconds(20);
/// An SN that is in touch with its leader does not lag behind the others for so long.
constexpr SwarmDuration earlier_limit = std::chrono::seconds(10);
/// An SN stays suspected for so long: two contradict each other, and either may lie.
constexpr SwarmDuration suspected_first = std::chrono::minutes(5);
constexpr SwarmDuration suspected_longest = std::chrono::hours(6);

}  // namespace

std::optional<SnLink::Answered> SnLink::take_answered(SwarmTime now, const CommandResult& result,
                                                      Outbox& out) {
    if (!commands_.answers(result)) {
        commands_.note_refusal(result);
        return std::nullopt;
    }
    const bool may_be_a_lie = has_others();  // with one SN there is no other
    if (ends_node(result) &&
        !is_confirmed(now, EndClaim::refused_start,
                      "refuses this node's " + std::string(name_of(commands_.first())) + " (" +
                          result.reason + ")",
                      out, result.code)) {
        return std::nullopt;
    }
    asked_at_ = now;
    const bool again = commands_.is_again();
    Answered answered{commands_.pop(result, may_be_a_lie, out), again};
    if (!again && may_be_a_lie) {
        answered_ = KeptAnswers{*sn_, false};
    } else if (again && (commands_.empty() || !commands_.is_again())) {
        KeptAnswers& kept = answered_.get_or_make();
        kept.confirmed = kept.confirmed || kept.by != *sn_;
    }
    if (!commands_.awaits_start()) {
        claims_.forget(EndClaim::refused_start);
    }
    return answered;
}

/// Without its registration or its enrolment the node can't go on.
bool SnLink::ends_node(const CommandResult& result) const {
    const bool was_answered = commands_.is_again() && result.code == Errc::stale;
    return result.code != Errc::ok && !was_answered && CommandQueue::is_start(commands_.first());
}

/// A ledger keeps no refused command, so each SN (and the leader behind it) judges anew.
bool SnLink::is_confirmed(SwarmTime now, EndClaim what, const std::string& said, Outbox& out,
                          Errc code) {
    if (!has_others()) {
        return true;
    }
    if (what != EndClaim::refused_start) {
        pace_.on_answered(now);  // or heartbeats, which are answered by this, would become rare
    }
    switch (claims_.note(now, what, *sn_, dialled_, code)) {
        case EndClaims::Verdict::confirmed:
            return true;
        case EndClaims::Verdict::again:
            if (answer_is_overdue(now)) {
                leave_without_answer(now, out);
            }
            return false;
        case EndClaims::Verdict::first:
            break;
    }
    asked_at_ = now;
    dial_next(now, Level::warning, said + ", which another SN must confirm; dialling ", out);
    return false;
}

void SnLink::on_left_out(SwarmTime now, Outbox& out) {
    if (!has_others()) {
        return;
    }
    std::optional<SwarmTime>& newest = suspicions_.get_or_make().left_out_at;
    if (!newest || now - *newest >= left_out_interval) {
        newest = now;
        dial_next(now, Level::warning,
                  "has accepted a check-in, but its round goes on without this node; dialling ",
                  out);
    }
}

bool SnLink::contradicts_newest_view(SwarmTime now, Outbox& out) {
    if (!has_others()) {
        return false;
    }
    pace_.on_answered(now);
    std::optional<SwarmTime>& earlier_since = suspicions_.get_or_make().earlier_since;
    if (!earlier_since) {
        earlier_since = now;
    }
    const SwarmDuration since = now - *earlier_since;
    if (since < earlier_limit) {
        return false;
    }
    const bool is_first_time = told_.denied_by.change().insert(dialled_).second;
    const std::size_t needed = setup_->sn_addresses.size() > 2 ? 2 : 1;
    if (told_.denied_by->size() >= needed || since >= 2 * earlier_limit) {
        return true;
    }
    if (is_first_time) {
        dial_next(now, Level::warning, "denies what another SN has told; dialling ", out);
    }
    return false;
}

void SnLink::suspect(SwarmTime now, const Address& address) {
    Suspect& one = told_.suspects.change()[address];
    if (one.until <= now) {
        one.length = std::clamp<SwarmDuration>(2 * one.length, suspected_first, suspected_longest);
        one.until = now + one.length;
    }
}

void SnLink::on_merge_differs(SwarmTime now, Outbox& out) {
    suspect_newest_view(now);
    if (has_others() && is_suspected(now, dialled_)) {
        dial_next(now, Level::warning,
                  "has told of a round whose other members have merged to another model; dialling ",
                  out);
    }
}

void SnLink::on_invalid(SwarmTime now, Outbox& out) {
    if (has_others() && !is_suspected(now, dialled_)) {
        suspect(now, dialled_);
        dial_next(now, Level::warning, "has sent something invalid; dialling ", out);
    }
}

bool SnLink::is_suspected(SwarmTime now, const Address& address) const {
    const auto one = told_.suspects->find(address);
    return one != told_.suspects->end() && now < one->second.until;
}

void SnLink::on_later_view_elsewhere(SwarmTime now, const NodeId& sn) {
    const auto known = std::ranges::find(connected_, sn, &std::pair<NodeId, Address>::first);
    if (known != connected_.end() && !is_suspected(now, known->second)) {
        views_.on_later_view_elsewhere();
    }
}

}  // namespace starling
