#pragma once

#include "core/base/time.hpp"

namespace starling {

// Bounds that Ledger::apply() keeps to and ledger_soundness.hpp checks.

constexpr std::size_t contracts_max = 64;  ///< that have not ended
/// Of the names of a contract's members, which must all fit into a view (as departed) and into an
/// entry (as kept apart): members_max of up to 37 bytes, or 61,000 of the longest.
constexpr std::size_t name_bytes_max = std::size_t{4} * 1024 * 1024;
/// Of a round, as it counts for the wait for absent members.
constexpr SwarmDuration longest_counted = std::chrono::hours(24 * 30);
/// Ledger time that entries can have; a later one counts as this.
constexpr SwarmDuration entry_time_max{std::int64_t{1} << 62U};
/// Of a contract, 95 years: an entry's time and one of these together stay within 64 bits.
constexpr SwarmDuration contract_wait_max{std::int64_t{3'000'000'000} * 1'000'000'000};

}  // namespace starling
