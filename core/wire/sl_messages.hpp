#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "core/ledger/command.hpp"

namespace starling {

// SL <-> SL
enum class SegmentKind : std::uint8_t { contribution = 1, merged = 2 };

/// The (contract, run, round, attempt) of a transfer; older ones are refused.
struct RoundKey {
    ShortText contract;
    Run run = 0;
    Round round = 0;
    Attempt attempt = 0;
    /// Of a first attempt with the members of the round before, which they may begin before the
    /// ledger has frozen it (core/sl/early_exchange.hpp). Set only in messages between SLs.
    bool early = false;

    /// Early before frozen: a member that has begun early stores requests for the frozen attempt.
    friend std::strong_ordering operator<=>(const RoundKey& a, const RoundKey& b) {
        return a.in_order() <=> b.in_order();
    }
    friend bool operator==(const RoundKey& a, const RoundKey& b) = default;

private:
    std::tuple<const ShortText&, Run, Round, Attempt, bool> in_order() const {
        return {contract, run, round, attempt, !early};
    }
};
/// Equal but for the attempt.
inline bool same_round(const RoundKey& a, const RoundKey& b) {
    return a.contract == b.contract && a.run == b.run && a.round == b.round;
}
/// A run of segments: [first, first + count).
struct SegmentRange {
    std::uint32_t first = 0;
    std::uint32_t count = 0;

    friend bool operator==(const SegmentRange&, const SegmentRange&) = default;
};
constexpr std::uint32_t ranges_per_fetch_max = 4096;
/// Requests segments, to be sent as soon as they are available. Without ranges: cancels all
/// requests for this key.
struct FetchSegments {
    RoundKey key;
    SegmentKind kind = SegmentKind::contribution;
    std::vector<SegmentRange> ranges;  ///< at most ranges_per_fetch_max
};
/// Body: the segment's bytes.
struct SegmentData {
    RoundKey key;
    SegmentKind kind = SegmentKind::contribution;
    std::uint32_t index = 0;
};

/// Requests a FetchProbeReply. The reply is queued behind all segments on the connection, which is
/// ordered: once it has arrived, a segment that was requested before the probe and is missing was
/// lost, or is owed. So nothing is requested again while it is in flight, however slow the link.
struct FetchProbe {
    RoundKey key;
    std::uint32_t serial = 0;
};
struct FetchProbeReply {
    RoundKey key;
    std::uint32_t serial = 0;
    bool known = false;      ///< the replier takes part in that attempt, or holds its model
    std::uint32_t owed = 0;  ///< requested merged segments that are not merged yet
};

}  // namespace starling
