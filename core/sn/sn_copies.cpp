// An SN whose disk was copied: two of one name and number would break what one of them promises.
#include <algorithm>

#include "core/ledger/membership.hpp"
#include "core/sn/sn_state.hpp"

namespace starling {
namespace {

/// For an answer from the address where this SN was before.
constexpr SwarmDuration original_limit = std::chrono::seconds(3);

/// Where the others dial this SN, as its disk says.
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

/// A disk that says another address than the command line was moved, or copied. A copy may be
/// older than what its original has promised since, so it says nothing before it knows.
void SnNode::on_started(std::vector<Effect>& effects) {
    const std::optional<Address> last = last_address(options_.id, options_.log);
    if (!last || *last == options_.peer_address) {
        start(effects);
        return;
    }
    original_ = last;
    effects.push_back(Connect{*last, Role::sn});
    effects.push_back(SetTimer{original_timer, now_ + original_limit});
}

void SnNode::while_asking_original(const Input& input, std::vector<Effect>& effects) {
    if (const auto* stop = std::get_if<StopRequested>(&input)) {
        original_.reset();
        on_stop(*stop, effects);
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
                    effects);
        return;
    }
    // Frames count as lost: who sent them says again what matters.
    if (up != nullptr || std::holds_alternative<PeerLost>(input)) {
        held_.push_back(input);
    }
    if (!answered) {
        return;
    }
    original_.reset();
    effects.push_back(CancelTimer{original_timer});
    start(effects);
    for (const Input& held : std::exchange(held_, {})) {
        handle(held, effects);
    }
}

void SnNode::end_as_copy(const std::string& why, std::vector<Effect>& effects) {
    end(exit_code::refused,
        "Two SNs are '" + options_.id.name + "': " + why +
            ". Keep one; the other needs its own name, certificate and empty disk",
        effects);
}

}  // namespace starling
