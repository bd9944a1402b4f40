#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/ledger/ledger.hpp"
#include "core/wire/messages.hpp"

namespace starling {

/// Of a contract's attempt that is on: when bytes of its segments came last, at any member.
struct RoundMotion {
    RoundKey key;
    SwarmTime moved_at{};
    SwarmTime began_at{};         ///< when this SN was told of the attempt
    SwarmDuration longest_gap{};  ///< without a byte, between two that have come
    bool moved = false;           ///< some have come
    RoundKey shown;               ///< the attempt whose standstill was logged last
    SwarmTime shown_at{};
};

/// How long no byte may come before the attempt stands still: twice the longest pause that it has
/// had, before the first byte what the contract's slowest link explains.
SwarmDuration standstill_of(const Contract& contract, const RoundMotion& motion);

/// After so long without a byte every member that waits for one has said so: see
/// Exchange::stalls().
constexpr SwarmDuration longest_silence = std::chrono::minutes(11);

/// The motion of all contracts' attempts, as heartbeats tell it.
class RoundMotions {
public:
    RoundMotion& of(const std::string& contract) { return motions_[contract]; }
    void begin_attempt(const std::string& contract, SwarmTime now);
    /// A heartbeat about attempt `key` says that so many bytes are here; the member said `before`
    /// earlier. Nothing: these are its first news of the attempt, and the bytes may have come long
    /// ago, so no pause ends now. \param on  the attempt is the contract's current one. \return
    /// whether something has changed.
    bool note(const RoundKey& key, bool on, std::optional<std::uint64_t> before,
              std::uint64_t received, SwarmTime now);
    void forget(const std::string& contract) { motions_.erase(contract); }
    /// Whether a line about the attempt's standstill is due; it counts as written.
    bool show(const RoundKey& key, SwarmTime now);

private:
    std::map<std::string, RoundMotion> motions_;  ///< by contract
};

}  // namespace starling
