#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/hasher.hpp"
#include "core/ledger/contract.hpp"
#include "core/merge/merge_work.hpp"
#include "core/params/param_layout.hpp"
#include "core/params/segments.hpp"
#include "core/wire/messages.hpp"

namespace starling {

// Work is anything that takes longer than about 10 ms. A worker does it, its result comes back as
// an input, and the simulator charges simulated time for it.

// Training: the user's program runs in a thread of its own and takes turns with its ML node.

/// The program has built its model and wants to join.
struct OpenRequest {
    std::string contract;
    ContractConfig config;
    std::shared_ptr<const ParamLayout> layout;
    EndMode end_mode = EndMode::active;
};
/// How far a program's loops have come.
struct TrainingPosition {
    std::uint32_t epochs_done = 0;
    std::uint64_t batches_done = 0;  ///< of the epoch after those

    friend bool operator==(const TrainingPosition&, const TrainingPosition&) = default;
};
/// What a program needs beside its parameters to resume: its position, the optimiser's state.
struct ProgramSnapshot {
    TrainingPosition position;
    Blob state;
};
/// A larger state is refused wherever its size is read. Four times the largest model: an optimiser
/// has up to two values a parameter, perhaps of twice the size.
constexpr std::uint64_t program_state_bytes_max = 4 * ParamLayout::bytes_max;

/// The program has come to a sync point (or to its end) and waits.
struct SyncRequest {
    CheckIn check_in;
    Segments params;
    std::uint64_t batches = 0;                ///< trained since the last sync
    std::optional<ProgramSnapshot> snapshot;  ///< to be kept; nothing before it has trained
    bool until_merge = false;                 ///< see SyncUntil; not for the first or last sync
};
/// The program's train function has returned or thrown.
struct ExitRequest {
    Errc code = Errc::ok;
    std::string reason;
};
using TrainRequest = std::variant<OpenRequest, SyncRequest, ExitRequest>;

/// Start the program.
struct BeginReply {};
struct OpenedReply {
    Round round = 0;
    std::uint32_t min_peers = 0;
};
/// The parameters of the round, committed unless the request was `until_merge`.
struct SyncedReply {
    Round round = 0;
    Digest digest;
    Segments params;
    bool final = false;
    /// Kept by an earlier start: the program goes on there. If `replaced`: what it had at its last
    /// sync.
    std::optional<ProgramSnapshot> resumed;
    /// They replace those of the last reply, which were not committed. What the program has handed
    /// over with its request is not used, and what it has trained since then is lost.
    bool replaced = false;
};
struct FailedReply {
    Error error;
};
using TrainReply = std::variant<BeginReply, OpenedReply, SyncedReply, FailedReply>;

/// Runs the program with `reply` until its next request. Result: TrainRequest.
struct TrainWork {
    TrainReply reply;
};

/// A segment of a model, and which one it is.
struct PlacedSegment {
    std::uint32_t index = 0;
    Blob bytes;
};
/// All segments of a model.
std::vector<PlacedSegment> placed(const Segments& segments);

/// SHA-256 of each segment. Result: SegmentDigests.
struct HashWork {
    std::vector<PlacedSegment> segments;
};
struct SegmentDigests {
    std::vector<std::pair<std::uint32_t, Digest>> digests;  ///< index and digest
};

/// The parameters of a merge, as a member keeps them for its own next start and for others.
struct KeptModel {
    RoundKey key;
    Digest digest;
    Segments segments;
};
/// Of a model that is written while its segments arrive; counted by its node, from 1.
using DraftNumber = std::uint32_t;
/// Writes segments of a model before it is complete, so that less is left for its KeepWork. They
/// are not durable; a later draft replaces one that no KeepWork completed, and no later start reads
/// it. Result: KeptReply.
struct WriteWork {
    DraftNumber draft = 0;
    RoundKey key;
    std::uint64_t model_bytes = 0;  ///< of all segments
    std::vector<PlacedSegment> segments;
    /// Whether the node will read them in the next round, from the store. If not, the store need
    /// not keep them in memory.
    bool read_soon = false;
};
/// Makes the model durable, so that what the swarm agrees on survives a crash of all its members.
/// Result: KeptReply.
struct KeepWork {
    KeptModel model;
    DraftNumber draft = 0;            ///< that holds segments of it already; 0: none
    std::uint64_t written_bytes = 0;  ///< in the draft
    bool read_soon = true;            ///< see WriteWork
};

/// A program at a sync, as its ML node keeps it for its own next start.
struct KeptState {
    std::string contract;
    Run run = 0;
    Round round = 0;  ///< that its parameters are for: it goes with the models from there on
    Digest layout;    ///< fingerprint of the model's
    ProgramSnapshot program;
};
/// Two, since the newest may be of a round that is never committed.
using KeptStates = std::array<std::optional<KeptState>, 2>;
/// Makes the state durable in place of what is in the slot. Result: KeptReply.
struct KeepStateWork {
    std::uint32_t slot = 0;  ///< of KeptStates
    KeptState state;
};
/// Removes both. Result: KeptReply.
struct ForgetStatesWork {};
struct KeptReply {
    Errc code = Errc::ok;
    std::string reason;
    /// Of a KeepWork: the model's segments on the disk, which the node may hold in place of those
    /// in memory. Empty: it can't read them from there.
    Segments stored;
};

using Work = std::variant<TrainWork, MergeWork, HashWork, WriteWork, KeepWork, KeepStateWork,
                          ForgetStatesWork>;
using WorkResult = std::variant<TrainRequest, MergeResult, SegmentDigests, KeptReply>;

/// Whether the work waits for a disk rather than for a processor. Works of each of the two kinds
/// are done in the order of their start.
bool is_storage(const Work& work);

/// Whether a processor needs about 100 us for it, which is what handing it to another thread and
/// its result back may cost: the mean or the hash of a small model's segment. With larger models
/// another thread is worth its cost.
bool is_short(const Work& work);

}  // namespace starling
