#pragma once

#include <cstdint>
#include <string>

namespace starling::test {

/// A planted bug, to check that the campaign finds it.
enum class Plant {
    none,
    stale_reads,        ///< readers query an SN without a barrier
    r3_off,             ///< libraft gets a membership that follows other records (rule R3 is off)
    lost_sync,          ///< disks of SNs lose records after reporting them durable
    arrival_order,      ///< contributions are merged in the order of their arrival
    attempt_unchecked,  ///< results of an earlier attempt are accepted
    // a member that is still heard from is waited for, though nothing moves
    lease_without_progress,
    fence_off,        ///< SNs accept older sessions of an SL beside a newer one
    removed_serves,   ///< SNs that were removed are not told so when they return
    disk_is_farewell  ///< an SL leaves for good when its ML node's disk is full
};

struct CampaignOptions {
    int servers = 3;
    int pairs = 5;
    bool membership = false;      ///< SNs leave, join and are replaced by empty ones
    double fault_seconds = 30.0;  ///< virtual time with faults
    Plant plant = Plant::none;
    bool hostile = false;    ///< one member and one SN lie, in three ways in total
    std::string trace_file;  ///< for the (single) seed; empty: no trace
    bool hash_trace = false;
    std::uint32_t min_peers = 0;        ///< 0: random
    std::uint64_t network_variant = 0;  ///< the same swarm and training in another network
};

}  // namespace starling::test
