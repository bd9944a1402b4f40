#include "core/node/outbox.hpp"

namespace starling {

void Outbox::send(const NodeId& to, Message message, Blob body, SendGroup group) {
    effects_.push_back(Send{to, {std::move(message), std::move(body)}, group});
}

void Outbox::cancel_sends(SendGroup group, std::optional<NodeId> to) {
    effects_.push_back(CancelSends{group, std::move(to)});
}

void Outbox::connect(Address address, Role role) {
    effects_.push_back(Connect{std::move(address), role});
}

void Outbox::pin_peer(const NodeId& node, const std::optional<CaFingerprint>& ca) {
    effects_.push_back(PinPeer{node, ca});
}

void Outbox::unpin_peer(const NodeId& node) {
    effects_.push_back(PinPeer{.node = node, .ca = std::nullopt, .lifted = true});
}

void Outbox::measure_arrivals() { effects_.push_back(MeasureArrivals{}); }

void Outbox::set_timer(std::uint32_t timer, SwarmTime at) {
    effects_.push_back(SetTimer{timer, at});
}

void Outbox::cancel_timer(std::uint32_t timer) { effects_.push_back(CancelTimer{timer}); }

void Outbox::start_work(std::uint64_t work, Work what) {
    effects_.push_back(StartWork{work, std::move(what)});
}

void Outbox::persist(std::uint64_t first, std::vector<Bytes> records) {
    effects_.push_back(Persist{first, std::move(records)});
}

void Outbox::persist_vote(const Vote& vote) { effects_.push_back(PersistVote{vote}); }

void Outbox::persist_snapshot(Bytes snapshot) {
    effects_.push_back(PersistSnapshot{std::move(snapshot)});
}

void Outbox::begin_behind(BeginBehind begin) { effects_.push_back(std::move(begin)); }

void Outbox::persist_older(PersistOlder older) { effects_.push_back(std::move(older)); }

void Outbox::report(TraceEvent event) { effects_.push_back(Report{std::move(event)}); }

void Outbox::stop(int exit_code, std::string reason) {
    effects_.push_back(Stop{exit_code, std::move(reason)});
}

void Outbox::forward(Effect effect) { effects_.push_back(std::move(effect)); }

}  // namespace starling
