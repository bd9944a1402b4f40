// Which snapshot an SN with an empty disk begins behind, and its transfer in parts. The step before
// the SN's start: nothing is on its disk, so a crash here begins again, and whatever goes wrong
// ends in the start that needs no snapshot.
#include "core/sn/state_transfer.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::string_view component = "swarm.SN";
constexpr SwarmDuration tick = std::chrono::milliseconds(500);
/// From the first SN that is connected until one snapshot is confirmed.
constexpr SwarmDuration choice_limit = std::chrono::seconds(10);
/// Without a part: at 32 kbit/s one takes 65 s.
constexpr SwarmDuration part_limit = std::chrono::seconds(90);
/// 100,000 members, each with certificates of 8 KiB: more is not stored either.
constexpr std::uint64_t snapshot_bytes_max = std::uint64_t{1} << 30U;
// Bounds of Raft's rule R12, with room for what follows.
constexpr std::uint64_t index_max = std::uint64_t{1} << 47U;
constexpr std::uint64_t term_max = std::uint64_t{1} << 61U;

}  // namespace

void StateTransfer::begin(const Address& named, SwarmTime now, Outbox& out) {
    named_address_ = named;
    dial_all(out);
    out.set_timer(timer_, now + tick);
}

StateTransfer::Verdict StateTransfer::on_input(SwarmTime now, const Input& input, Outbox& out) {
    if (std::holds_alternative<StopRequested>(input)) {
        named_address_.reset();
        return Verdict::stopped;
    }
    if (const auto* up = std::get_if<PeerUp>(&input)) {
        on_peer_up(now, *up, out);
        give_up_at_ = give_up_at_.value_or(now + choice_limit);
    } else if (const auto* lost = std::get_if<PeerLost>(&input)) {
        on_peer_lost(now, *lost, out);
    } else if (const auto* failed = std::get_if<ConnectFailed>(&input)) {
        dialling_.erase(failed->address);
        if (failed->fatal || failed->error.code == Errc::replaced) {
            failure_ = input;
            finish(out);
        }
    } else if (const auto* received = std::get_if<FrameReceived>(&input)) {
        const auto source = sources_.find(received->from);
        const auto* offer = std::get_if<SnapshotOffer>(&received->frame.message);
        const auto* part = std::get_if<SnapshotPart>(&received->frame.message);
        if (source != sources_.end() && source->second.up.role == Role::sn && offer != nullptr) {
            source->second.offer = *offer;
            choose(now, out);
        } else if (part != nullptr) {
            on_part(now, received->from, *part, received->frame.body, out);
        }
    } else if (const auto* due = std::get_if<TimerDue>(&input);
               due != nullptr && due->timer == timer_) {
        on_tick(now, out);
    }
    return under_way() ? Verdict::waiting : Verdict::over;
}

void StateTransfer::on_peer_up(SwarmTime now, const PeerUp& up, Outbox& out) {
    dialling_.erase(up.dialled);
    const bool replaced = sources_.contains(up.peer);
    sources_[up.peer] = {up, std::nullopt};
    if (chosen_ && replaced && up.peer == source_) {
        change_source(now, out);  // what was asked for may be lost
    }
    if (up.role != Role::sn || !under_way()) {
        return;
    }
    if (up.dialled == *named_address_) {
        named_ = up.peer;
    }
    out.send(up.peer, SnapshotQuery{});
}

void StateTransfer::on_peer_lost(SwarmTime now, const PeerLost& lost, Outbox& out) {
    sources_.erase(lost.peer);
    if (chosen_ && lost.peer == source_) {
        change_source(now, out);
    }
}

void StateTransfer::on_tick(SwarmTime now, Outbox& out) {
    if (chosen_ && now - part_at_ > part_limit) {
        failed_.insert(source_);
        change_source(now, out);
    } else if (!chosen_ && give_up_at_ && now >= *give_up_at_) {
        finish(out);
    }
    if (!under_way()) {
        return;
    }
    if (!chosen_) {
        for (const auto& [node, source] : sources_) {
            if (source.up.role == Role::sn) {
                out.send(node, SnapshotQuery{});  // one may have made another snapshot since
            }
        }
    }
    dial_all(out);
    out.set_timer(timer_, now + tick);
}

/// No more at a time than there may be SNs: the named one may say something new with each offer.
void StateTransfer::dial(const Address& address, Outbox& out) {
    if (dialling_.size() < servers_max && dialling_.insert(address).second) {
        out.connect(address, Role::sn);
    }
}

void StateTransfer::dial_all(Outbox& out) {
    if (!named_) {
        dial(*named_address_, out);
        return;
    }
    const auto named = sources_.find(*named_);
    if (named == sources_.end()) {
        dial(*named_address_, out);
    } else if (named->second.offer) {
        for (const Server& server : named->second.offer->servers) {
            if (server.voter && server.node != self_ && !sources_.contains(server.node)) {
                dial(server.address, out);
            }
        }
    }
}

/// As the SN that the operator named says; without this SN, whose name may have kept the ledger
/// before.
std::vector<NodeId> StateTransfer::voters() const {
    std::vector<NodeId> voters;
    const auto named = named_ ? sources_.find(*named_) : sources_.end();
    if (named != sources_.end() && named->second.offer) {
        for (const Server& server : named->second.offer->servers) {
            if (server.voter && server.node != self_) {
                voters.push_back(server.node);
            }
        }
    }
    return voters;
}

/// How many voters offer it.
std::size_t StateTransfer::offering(const OfferedSnapshot& snapshot) const {
    std::size_t count = 0;
    for (const NodeId& voter : voters()) {
        const auto source = sources_.find(voter);
        count += source != sources_.end() && source->second.offer &&
                         std::ranges::count(source->second.offer->snapshots, snapshot) > 0
                     ? 1U
                     : 0U;
    }
    return count;
}

void StateTransfer::choose(SwarmTime now, Outbox& out) {
    if (chosen_) {
        return;
    }
    const std::vector<NodeId> all = voters();
    if (all.empty()) {
        return;  // the named SN has not answered, or keeps no ledger yet
    }
    std::size_t without = 0;
    std::optional<OfferedSnapshot> best;
    for (const NodeId& voter : all) {
        const auto source = sources_.find(voter);
        if (source == sources_.end() || !source->second.offer) {
            continue;
        }
        without += source->second.offer->snapshots.empty() ? 1U : 0U;
        for (const OfferedSnapshot& offered : source->second.offer->snapshots) {
            if (2 * offering(offered) > all.size() && offered.bytes > 0 &&
                offered.bytes <= snapshot_bytes_max && (!best || offered.index > best->index)) {
                best = offered;
            }
        }
    }
    if (best) {
        chosen_ = best;
        change_source(now, out);
    } else if (2 * without >= all.size()) {
        finish(out);  // none can be confirmed
    } else {
        dial_all(out);
    }
}

void StateTransfer::ask(SwarmTime now, Outbox& out) {
    part_at_ = now;
    out.send(source_, FetchSnapshot{chosen_->index, bytes_.size()});
}

/// Begins again with another SN that offers the chosen snapshot.
void StateTransfer::change_source(SwarmTime now, Outbox& out) {
    bytes_.clear();
    const auto next = std::ranges::find_if(sources_, [&](const auto& entry) {
        const Source& source = entry.second;
        return !failed_.contains(entry.first) && source.offer &&
               std::ranges::count(source.offer->snapshots, *chosen_) > 0;
    });
    if (next == sources_.end()) {
        finish(out);
        return;
    }
    source_ = next->first;
    ask(now, out);
}

void StateTransfer::on_part(SwarmTime now, const NodeId& from, const SnapshotPart& part,
                            const Blob& body, Outbox& out) {
    if (!chosen_ || from != source_ || part.index != chosen_->index ||
        part.offset != bytes_.size()) {
        return;
    }
    const ByteView view = body.view();
    if (view.size() != std::min(state_part_bytes, chosen_->bytes - bytes_.size())) {
        failed_.insert(source_);  // it has made newer ones, or lies
        change_source(now, out);
        return;
    }
    bytes_.insert(bytes_.end(), view.begin(), view.end());
    if (bytes_.size() < chosen_->bytes) {
        ask(now, out);
    } else if (hasher_.digest(bytes_) != chosen_->digest) {
        out.report(TraceEvent("ledger_state_refused")
                       .with("from", from.name)
                       .log(Level::warning, component,
                            "The state that SN '" + from.name +
                                "' sent is not the one that most SNs have: asking another one"));
        failed_.insert(source_);
        change_source(now, out);
    } else {
        complete(out);
    }
}

void StateTransfer::complete(Outbox& out) {
    Result<LedgerSnapshot> snapshot = decode_snapshot(hasher_, bytes_);
    if (snapshot && snapshot->index() == chosen_->index && snapshot->index() < index_max &&
        snapshot->term() <= term_max) {
        taken_ =
            Taken{std::move(bytes_), std::make_shared<const LedgerSnapshot>(std::move(*snapshot)),
                  source_, offering(*chosen_), voters().size()};
    }
    finish(out);
}

void StateTransfer::finish(Outbox& out) {
    named_address_.reset();
    bytes_.clear();
    out.cancel_timer(timer_);
}

std::vector<Input> StateTransfer::take_held() {
    std::vector<Input> held;
    for (const auto& [node, source] : std::exchange(sources_, {})) {
        if (source.up.peer == node) {
            held.emplace_back(source.up);
        }
    }
    if (failure_) {
        held.push_back(*std::exchange(failure_, std::nullopt));
    }
    return held;
}

}  // namespace starling
