// Detects a copied disk: two SNs of one name and server number could vote twice in one term.
#include <algorithm>

#include "core/ledger/membership.hpp"
#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

/// Time limit for an answer from this SN's former address.
constexpr SwarmDuration original_limit = std::chrono::seconds(3);

/// The address that the ledger on this disk has for this SN.
std::optional<Address> last_address(const NodeId& self, const DurableLog& log) {
    for (std::size_t index = log.records.size(); index > 0; --index) {
        const Result<LogRecord> record = decode_record(index, log.records[index - 1]);
        if (!record || record->kind != RecordKind::membership) {
            continue;
        }
        const Result<std::vector<Server>> servers = decode_membership(record->data);
        if (!servers) {
            return std::nullopt;
        }
        const auto own = std::find_if(servers->begin(), servers->end(),
                                      [&](const Server& server) { return server.node == self; });
        return own == servers->end() ? std::nullopt : std::optional<Address>(own->address);
    }
    return std::nullopt;
}

}  // namespace

/// If the disk has another address for this SN than the command line, it was moved or copied. A
/// copy may lack votes that the original has given since, so it stays silent until it knows.
void SnNode::on_started(Outbox& out) {
    const std::optional<Address> last = last_address(options_.id, options_.log);
    if (!last || *last == options_.peer_address) {
        start(out);
        return;
    }
    original_ = last;
    out.connect(*last, Role::sn);
    out.set_timer(original_timer, now_ + original_limit);
}

void SnNode::while_asking_original(const Input& input, Outbox& out) {
    if (const auto* stop = std::get_if<StopRequested>(&input)) {
        original_.reset();
        on_stop(*stop, out);
        return;
    }
    const auto* failed = std::get_if<ConnectFailed>(&input);
    const auto* up = std::get_if<PeerUp>(&input);
    const auto* due = std::get_if<TimerDue>(&input);
    const bool answered = (failed != nullptr && failed->address == *original_) ||
                          (up != nullptr && up->dialled == *original_) ||
                          (due != nullptr && due->timer == original_timer);
    if (failed != nullptr && answered && failed->error.code == Errc::replaced) {
        end_as_copy("one runs at " + to_string(*original_) +
                        ", where this one was before: its ledger was copied",
                    out);
        return;
    }
    // Frames are dropped: their senders retransmit what matters.
    if (up != nullptr || std::holds_alternative<PeerLost>(input)) {
        held_.push_back(input);
    }
    if (!answered) {
        return;
    }
    original_.reset();
    out.cancel_timer(original_timer);
    start(out);
    for (const Input& held : std::exchange(held_, {})) {
        handle(held, out);
    }
}

void SnNode::end_as_copy(const std::string& why, Outbox& out) {
    end(exit_code::refused,
        "Two SNs are '" + options_.id.name + "': " + why +
            ". Keep one; the other needs its own name, certificate and empty disk",
        out);
}

}  // namespace starling
