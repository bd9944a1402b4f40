#include "core/sn/entry_shares.hpp"

#include <algorithm>

namespace starling {
namespace {

/// Bucket of a signer: bytes of entries without a committed round, and their rate of refill. It
/// holds three of the largest layouts; a restart costs some kilobytes.
constexpr double share_bytes = 16.0 * 1024 * 1024;
constexpr double share_bytes_per_second = 4096;
constexpr std::size_t small_entry_bytes = 512;

std::size_t bytes_of(const Command& command) {
    if (const auto* enrol = std::get_if<Enrol>(&command)) {
        return enrol->layout_text.size() + small_entry_bytes;
    }
    if (const auto* registration = std::get_if<RegisterNode>(&command)) {
        return registration->credentials.certificate->size() + small_entry_bytes;
    }
    if (const auto* check_in = std::get_if<CheckInRound>(&command)) {
        std::size_t bytes = small_entry_bytes;
        for (const auto& [name, value] : *check_in->check_in.scalars) {
            bytes += name.size() + 12;
        }
        return bytes;
    }
    return small_entry_bytes;
}

}  // namespace

bool EntryShares::take(const NodeId& signer, const Command& command, SwarmTime now) {
    Share& share = shares_.get_or_make(signer);
    share.bytes = std::max(0.0, share.bytes - share_bytes_per_second * to_seconds(now - share.at));
    share.at = now;
    const auto bytes = static_cast<double>(bytes_of(command));
    if (share.bytes + bytes > share_bytes) {
        return false;
    }
    share.bytes += bytes;
    if (std::holds_alternative<CheckInRound>(command)) {
        share.check_in = bytes;
    }
    return true;
}

void EntryShares::give_back(const Commit& commit) {
    for (const RoundMember& member : commit.members) {
        if (Share* const share = shares_.find(member.id)) {
            share->bytes = std::max(0.0, share->bytes - share->check_in);
            share->check_in = 0;
        }
    }
}

}  // namespace starling
