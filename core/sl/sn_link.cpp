#include "core/sl/sn_link.hpp"

#include <algorithm>
#include <utility>

#include "core/sl/sl_log.hpp"
#include "core/sl/sl_timers.hpp"

namespace starling {
namespace {

/// The largest factor of the interval between heartbeats that an SN may set; with a choice of SNs,
/// so that the limits of ViewWatch are kept.
constexpr auto factor_max = static_cast<Run>(heartbeat_interval_factor(members_max));
constexpr Run factor_max_of_several = 10;
/// The same while a command waits for its answer, without a choice of SNs.
constexpr int factor_max_with_command = 30;

}  // namespace

SnLink::SnLink(const SlNodeOptions& setup)
    : setup_(&setup),
      pace_(setup_->heartbeat_interval),
      commands_(setup),
      claims_(setup_->sn_connect_limit) {}

bool SnLink::is_address(const Address& address) const {
    return std::find(setup_->sn_addresses.begin(), setup_->sn_addresses.end(), address) !=
           setup_->sn_addresses.end();
}

void SnLink::start(SwarmTime now, Outbox& out) {
    lost_at_ = now;
    dial(out);
}

void SnLink::dial(Outbox& out) const {
    if (!sn_) {
        out.connect(address(), Role::sn);
    }
}

/// To the next address that is neither that one nor one of a suspected SN, if there is one.
void SnLink::move_on(SwarmTime now, const Address& but) {
    ++at_;
    const bool has_third = setup_->sn_addresses.size() > 2;
    const auto is_of_use = [&] {
        const bool is_contradicted = !told_.denied_by->empty() && address() == told_.newest_by;
        return address() != but &&
               !(has_third && (is_contradicted || is_suspected(now, address())));
    };
    for (std::size_t tries = 1; tries < setup_->sn_addresses.size() && !is_of_use(); ++tries) {
        ++at_;
    }
}

/// In addition to the connected one, which it replaces once it is connected. That one is not
/// dialled again, though its address may be the next one after failed tries.
void SnLink::dial_next(SwarmTime now, Level level, const std::string& why, Outbox& out) {
    move_on(now, dialled_);
    log_sl(level, "SN '" + sn_->name + "' " + why + to_string(address()), out);
    out.connect(address(), Role::sn);
}

void SnLink::on_up(SwarmTime now, const PeerUp& up, Outbox& out) {
    note_connected(up);
    if (up.ca != CaFingerprint{}) {
        out.pin_peer(up.peer, up.ca);  // until an SN says otherwise
    }
    backoff_ = {};
    refusals_ = 0;
    use(now, up.peer, up.dialled);
    log_sl(Level::info,
           "API-SERVER IS UP: connected to SN '" + up.peer.name + "' at " + to_string(up.dialled),
           out);
}

void SnLink::note_connected(const PeerUp& up) {
    const auto at =
        std::ranges::lower_bound(connected_, up.peer, {}, &std::pair<NodeId, Address>::first);
    if (at != connected_.end() && at->first == up.peer) {
        at->second = up.dialled;
    } else {
        connected_.emplace(at, up.peer, up.dialled);
    }
}

void SnLink::use(SwarmTime now, const NodeId& sn, const Address& dialled) {
    sn_ = sn;
    dialled_ = dialled;
    told_.version = 0;
    forget_earlier();
    views_.expect(now);
    pace_.restart();
    sn_interval_factor_ = 1;
    on_heard(now);
    asked_at_ = now;
    if (answered_ && answered_->by != sn && !answered_->confirmed) {
        commands_.open_answered();  // that SN may have kept them to itself
    }
}

bool SnLink::on_lost(SwarmTime now, const PeerLost& lost, Outbox& out) {
    std::erase_if(connected_, [&](const auto& one) { return one.first == lost.peer; });
    if (!is_sn(lost.peer)) {
        return false;
    }
    sn_.reset();
    lost_at_ = now;
    move_on(now, {});
    log_sl(Level::warning,
           "SN '" + lost.peer.name + "' was lost (" + lost.reason + "); dialling again", out);
    out.set_timer(sn_dial_timer, now + first_redial);
    return true;
}

std::optional<NodeEnd> SnLink::on_connect_failed(SwarmTime now, const ConnectFailed& failed,
                                                 Outbox& out) {
    if (failed.error.code == Errc::replaced &&
        (!has_others() || claims_.note(now, EndClaim::replaced, {}, failed.address) ==
                              EndClaims::Verdict::confirmed)) {
        return NodeEnd{
            .how = NodeEnd::How::crash, .error = failed.error, .exit_code = exit_code::refused};
    }
    refusals_ = failed.fatal ? refusals_ + 1 : 0;
    if (sn_) {
        return std::nullopt;  // it was a second one that was tried; dial_next() goes on after it
    }
    ++at_;
    if (refusals_ >= setup_->sn_addresses.size()) {
        return NodeEnd{.how = NodeEnd::How::stop,
                       .error = failed.error,
                       .exit_code = exit_code_of(failed.error.code)};
    }
    if (now - lost_at_ >= setup_->sn_connect_limit) {
        std::string text = "no SN at " + to_string(failed.address) + " for " +
                           std::to_string(static_cast<int>(to_seconds(setup_->sn_connect_limit))) +
                           " s (" + failed.error.message + "): check --sn-ip and --sn-api-port";
        return NodeEnd{.how = NodeEnd::How::leave,
                       .error = {Errc::unreachable, std::move(text)},
                       .exit_code = exit_code::peer_lost};
    }
    // Well below the SN's limit for reconnecting.
    backoff_ =
        std::min<SwarmDuration>(backoff_ * 2 + std::chrono::milliseconds(50), redial_interval);
    out.set_timer(sn_dial_timer, now + backoff_);
    return std::nullopt;
}

void SnLink::on_heard(SwarmTime now) {
    heard_at_ = now;
    silent_ = false;
}

void SnLink::submit(SwarmTime now, Command command, Outbox& out) {
    if (commands_.empty()) {
        asked_at_ = now;
    }
    commands_.push(std::move(command));
    send_next(out);
}

void SnLink::send_next(Outbox& out) {
    if (sn_) {
        send_command(false, out);
    }
}

/// To all that are connected, as reports are: the one in use may keep it from the leader, while it
/// answers all else, and a round waits for it. The ledger applies it once.
void SnLink::send_command(bool retry, Outbox& out) {
    const SubmitCommand* const next = commands_.next(retry, out);
    if (next != nullptr) {
        out.send(*sn_, *next);
        send_to_others(*next, out);
    }
}

template <typename Type>
void SnLink::send_to_others(const Type& message, Outbox& out) const {
    for (const auto& [other, address] : connected_) {
        if (other != *sn_) {
            out.send(other, message);
        }
    }
}

int SnLink::interval_factor() const {
    const int most = has_others() ? 1 : factor_max_with_command;
    return commands_.empty() ? sn_interval_factor_ : std::min(sn_interval_factor_, most);
}

void SnLink::send_heartbeat(SwarmTime now, Heartbeat beat, std::optional<Round> awaited,
                            Outbox& out) {
    if (beat.report) {
        send_to_others(beat, out);
    }
    // In large swarms heartbeats are further apart than the limit, but answered.
    if (pace_.unanswered()) {
        warn_if_silent(now, out);
    }
    out.send(*sn_, std::move(beat));
    pace_.on_sent(now);
    send_command(true, out);
    if (!commands_.empty() && answer_is_overdue(now)) {
        leave_without_answer(now, out);
    }
    check_views(now, awaited, out);
}

bool SnLink::on_heartbeat_answered(SwarmTime now, const CommandResult& answer, Outbox& out) {
    pace_.on_answered(now);
    if (answer.code == Errc::ok) {
        // An SN that sends no new view is noticed with a heartbeat.
        const Run most = has_others() ? factor_max_of_several : factor_max;
        sn_interval_factor_ = static_cast<int>(std::clamp<Run>(answer.run, 1, most));
        claims_.on_member(*sn_, dialled_);
        claims_.on_lease_valid(*sn_, dialled_);
    }
    const bool leaderless = answer.code == Errc::unreachable;
    if (leaderless && !leaderless_) {
        log_sl(Level::warning, "SN '" + sn_->name + "': " + answer.reason, out);
    }
    leaderless_ = leaderless;
    if (!leaderless || !answer_is_overdue(now)) {
        return false;
    }
    leave_without_answer(now, out);
    return true;
}

/// On a slow link answers take their time.
bool SnLink::answer_is_overdue(SwarmTime now) const {
    const SwarmDuration limit =
        std::max<SwarmDuration>(setup_->sn_answer_limit, 4 * pace_.round_trip());
    return has_others() && now - asked_at_ > limit;
}

void SnLink::leave_without_answer(SwarmTime now, Outbox& out) {
    asked_at_ = now;
    const bool claims = claims_.has_one_of(*sn_);
    dial_next(now, Level::warning,
              claims ? "still says so; dialling " : "does not answer; dialling ", out);
}

void SnLink::on_view(SwarmTime now, std::uint64_t version) {
    told_.version = std::max(told_.version, version);
    if (version > 0) {
        told_.newest_by = dialled_;
        told_.denied_by.clear();
    }
    forget_earlier();
    views_.on_view(now);
    pace_.on_answered(now);
    claims_.on_member(*sn_, dialled_);
}

void SnLink::on_same_view(SwarmTime now, std::uint64_t version) {
    pace_.on_answered(now);
    told_.version = std::max(told_.version, version);
    forget_earlier();
    if (told_.newest_by != dialled_) {
        const auto denied_by = std::exchange(told_.denied_by, LazyContainer<std::set<Address>>());
        for (const Address& address : *denied_by) {
            suspect(now, address);
        }
    }
}

void SnLink::check_views(SwarmTime now, std::optional<Round> awaited, Outbox& out) {
    if (!has_others()) {
        return;
    }
    const bool unproven = commands_.keeps_answered() && !(answered_ && answered_->confirmed);
    switch (views_.check(now, awaited, connected_.size() == 1 || unproven)) {
        case ViewWatch::Finding::none:
            return;
        case ViewWatch::Finding::lags:
            dial_next(now, Level::warning, "sends no new view, but another SN does; dialling ",
                      out);
            return;
        case ViewWatch::Finding::unchecked:
            ask_another(now, *awaited, out);
            return;
    }
}

/// One that is connected already, if there is any.
void SnLink::ask_another(SwarmTime now, Round awaited, Outbox& out) {
    const std::string what = "may lack news of round " + std::to_string(awaited);
    auto next = std::ranges::upper_bound(connected_, *sn_, {}, &std::pair<NodeId, Address>::first);
    for (std::size_t tries = 0; tries < connected_.size(); ++tries) {
        next = next == connected_.end() ? connected_.begin() : next;
        if (!is_suspected(now, next->second)) {
            break;
        }
        ++next;
    }
    next = next == connected_.end() ? connected_.begin() : next;
    if (next->first == *sn_ || is_suspected(now, next->second)) {
        dial_next(now, Level::info, what + "; also dialling ", out);
        return;
    }
    log_sl(Level::info, "SN '" + sn_->name + "' " + what + "; asking '" + next->first.name + "'",
           out);
    use(now, NodeId(next->first), Address(next->second));
    send_command(true, out);
}

void SnLink::warn_if_silent(SwarmTime now, Outbox& out) {
    if (now - heard_at_ > setup_->sn_silence_limit && !silent_) {
        silent_ = true;
        log_sl(Level::warning,
               "SN '" + sn_->name + "' has not answered for " +
                   std::to_string(static_cast<int>(to_seconds(setup_->sn_silence_limit))) + " s",
               out);
    }
}

}  // namespace starling
