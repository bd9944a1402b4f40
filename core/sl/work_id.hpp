#pragma once

#include <cstdint>

namespace starling {

/// What a piece of an SL's work is for. Its serial tells a late result, of an attempt or a fetch
/// that is over, from one that is waited for.
struct WorkId {
    enum class Kind : std::uint8_t {
        merge = 0,         ///< of one segment
        hash_merged = 1,   ///< segments of a round that this node merges
        keep_merged = 2,   ///< on the disk
        hash_fetched = 3,  ///< of a round that this node missed
        keep_fetched = 4,
        write_merged = 5,  ///< segments, before keep_merged
    };
    Kind kind = Kind::merge;
    std::uint32_t serial = 0;   ///< of the attempt or fetch at this node; each counts by itself
    std::uint32_t segment = 0;  ///< of Kind::merge; below 2^29

    /// Of a model that this node fetches, not of an attempt at a round.
    constexpr bool is_of_fetch() const {
        return kind == Kind::hash_fetched || kind == Kind::keep_fetched;
    }
    /// The number in StartWork and WorkDone: serial, kind and segment in 32, 3 and 29 bits.
    constexpr std::uint64_t number() const {
        return (std::uint64_t{serial} << 32U) | (static_cast<std::uint64_t>(kind) << kind_shift) |
               segment;
    }
    static constexpr WorkId of(std::uint64_t number) {
        return {.kind = static_cast<Kind>((number >> kind_shift) & 7U),
                .serial = static_cast<std::uint32_t>(number >> 32U),
                .segment = static_cast<std::uint32_t>(number & ((1U << kind_shift) - 1))};
    }

    friend bool operator==(const WorkId&, const WorkId&) = default;

private:
    static constexpr unsigned kind_shift = 29;
};

}  // namespace starling
