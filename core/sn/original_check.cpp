#include "core/sn/original_check.hpp"

#include "core/ledger/membership.hpp"
#include "core/ledger/snapshot.hpp"

namespace starling {
namespace {

/// Time limit for an answer from this SN's former address.
constexpr SwarmDuration original_limit = std::chrono::seconds(3);

/// The SNs that keep the ledger on this disk; none if that can't be told.
std::vector<Server> last_servers(const DurableLog& log) {
    for (std::size_t at = log.records.size(); at > 0; --at) {
        const Result<LogRecord> record = decode_record(log.before() + at, log.records[at - 1]);
        if (record && record->kind == RecordKind::membership) {
            Result<std::vector<Server>> servers = decode_membership(record->data);
            return servers ? std::move(*servers) : std::vector<Server>{};
        }
    }
    return log.snapshot ? log.snapshot->servers.servers() : std::vector<Server>{};
}

/// The address that the ledger on this disk has for this SN.
std::optional<Address> last_address(const NodeId& self, const DurableLog& log) {
    for (const Server& server : last_servers(log)) {
        if (server.node == self) {
            return server.address;
        }
    }
    return std::nullopt;
}

}  // namespace

bool OriginalCheck::begin(const NodeId& self, const DurableLog& log, const Address& own,
                          SwarmTime now, Outbox& out) {
    const std::optional<Address> last = last_address(self, log);
    if (!last || *last == own) {
        return false;
    }
    dialled_ = last;
    out.connect(*last, Role::sn);
    out.set_timer(timer_, now + original_limit);
    return true;
}

OriginalCheck::Verdict OriginalCheck::on_input(const Input& input, Outbox& out) {
    if (std::holds_alternative<StopRequested>(input)) {
        dialled_.reset();
        return Verdict::stopped;
    }
    const auto* failed = std::get_if<ConnectFailed>(&input);
    const auto* up = std::get_if<PeerUp>(&input);
    const auto* due = std::get_if<TimerDue>(&input);
    const bool answered = (failed != nullptr && failed->address == *dialled_) ||
                          (up != nullptr && up->dialled == *dialled_) ||
                          (due != nullptr && due->timer == timer_);
    if (failed != nullptr && answered && failed->error.code == Errc::replaced) {
        found_at_ = *dialled_;
        return Verdict::copied;
    }
    if (up != nullptr || std::holds_alternative<PeerLost>(input)) {
        held_.push_back(input);
    }
    if (!answered) {
        return Verdict::waiting;
    }
    dialled_.reset();
    out.cancel_timer(timer_);
    return Verdict::alone;
}

}  // namespace starling
