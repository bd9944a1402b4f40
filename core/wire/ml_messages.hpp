#pragma once

#include <cstdint>
#include <string>

#include "core/ledger/command.hpp"

namespace starling {

// ML -> SL
struct OpenSession {
    std::string contract;
    ContractConfig config;
    std::string layout_text;
    EndMode end_mode = EndMode::active;
};
/// Begins a check-in; the parameters follow as MlSegment frames.
struct SyncBegin {
    std::uint64_t sequence = 0;  ///< of this ML's syncs, from 0
    CheckIn check_in;
    bool stores_state = false;  ///< its program's state is being stored; StateStored follows
    bool until_merge = false;   ///< see SyncUntil: the program does not wait for the commit
};
/// Body: the segment's bytes. Both directions.
struct MlSegment {
    std::uint64_t sequence = 0;
    std::uint32_t index = 0;
};
struct CloseSession {
    Errc code = Errc::ok;
    std::string reason;
};
/// The program's state of that sync is durable.
struct StateStored {
    std::uint64_t sequence = 0;
};
/// The program has the merged model of that sync, which is not committed yet.
struct ModelTaken {
    std::uint64_t sequence = 0;
};
// SL -> ML
struct SessionOpened {
    Run run = 0;
    Round round = 0;
    std::uint32_t min_peers = 0;
};
/// The round's parameters follow as MlSegment frames. If it is not committed yet, a SyncCommitted
/// follows once it is, or, if another model was, that one as a SyncDone of the same sync.
struct SyncDone {
    std::uint64_t sequence = 0;
    Round round = 0;
    std::uint32_t member_count = 0;
    Digest digest;
    bool final = false;
    bool committed = true;
};
/// The round is committed whose parameters the ML has got before.
struct SyncCommitted {
    std::uint64_t sequence = 0;
};
/// The session has ended before its training.
struct SessionFailed {
    Errc code = Errc::ok;
    std::string reason;
};

}  // namespace starling
