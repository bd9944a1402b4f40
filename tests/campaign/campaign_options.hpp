#pragma once

#include <cstdint>
#include <string>

namespace starling::test {

/// A bug that is put in on purpose, to see that it is found.
enum class Plant {
    none,
    stale_reads,             ///< readers ask an SN without a barrier
    r3_off,                  ///< libraft gets a membership behind other records (ledger rule R3)
    lost_sync,               ///< disks of SNs lose what they said was durable
    arrival_order,           ///< contributions are merged in the order in which they came
    attempt_unchecked,       ///< results of an attempt that is over count
    lease_without_progress,  ///< who is heard of is waited for, though nothing moves
    fence_off,               ///< SNs let older starts of an SL go on beside a later one
    removed_serves,          ///< SNs that were removed are not told so when they come back
    disk_is_farewell         ///< an SL says goodbye for good when its ML node's disk is full
};

struct CampaignOptions {
    int servers = 3;
    int pairs = 5;
    bool membership = false;      ///< SNs leave, join and are replaced by empty ones
    double fault_seconds = 30.0;  ///< virtual time with faults
    Plant plant = Plant::none;
    bool hostile = false;    ///< one member and one SN tell lies, of three kinds in all
    std::string trace_file;  ///< of the (one) seed; empty: none
    bool hash_trace = false;
    std::uint32_t min_peers = 0;        ///< 0: drawn
    std::uint64_t network_variant = 0;  ///< the same swarm and training in another network
};

}  // namespace starling::test
