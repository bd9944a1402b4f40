#pragma once

#include <optional>
#include <string_view>

#include "core/wire/messages.hpp"

namespace starling {

// One put() and one get() a message: what put writes, get reads. Malformed bytes make the Reader
// fail, and codec.cpp then answers with an error. Used by codec.cpp only.

/// The longest reason in a message, in bytes.
constexpr std::size_t text_max = 4096;
inline std::string_view bounded(const std::string& text) {
    return std::string_view(text).substr(0, text_max);
}
void put(Writer& w, Errc code);
Errc get_errc(Reader& r);

/// Bytes of a MemberListPart, all but its members; put_place() writes them.
constexpr std::uint64_t list_part_bytes = 32 + 4 + 4;
void put_place(Writer& w, const MemberListPart& m);

// Any connection: codec.cpp
void put(Writer& w, const Hello& m);
void get(Reader& r, Hello& m);
void put(Writer& w, const Refused& m);
void get(Reader& r, Refused& m);

// SL and SN: sn_codec.cpp
void put(Writer& w, const SubmitCommand& m);
void get(Reader& r, SubmitCommand& m);
void put(Writer& w, const Heartbeat& m);
void get(Reader& r, Heartbeat& m);
void put(Writer& w, const CommandResult& m);
void get(Reader& r, CommandResult& m);
void put(Writer& w, const ViewUpdate& m);
void get(Reader& r, ViewUpdate& m);
void put(Writer& w, const RollNews& m);
void get(Reader& r, RollNews& m);
void put(Writer& w, const FetchMembers& m);
void get(Reader& r, FetchMembers& m);
void put(Writer& w, const MemberListPart& m);
void get(Reader& r, MemberListPart& m);

// SLs among each other: sl_codec.cpp
void put(Writer& w, const FetchSegments& m);
void get(Reader& r, FetchSegments& m);
void put(Writer& w, const SegmentData& m);
void get(Reader& r, SegmentData& m);
void put(Writer& w, const FetchProbe& m);
void get(Reader& r, FetchProbe& m);
void put(Writer& w, const FetchProbeReply& m);
void get(Reader& r, FetchProbeReply& m);

// ML and SL: ml_codec.cpp
void put(Writer& w, const OpenSession& m);
void get(Reader& r, OpenSession& m);
void put(Writer& w, const SyncBegin& m);
void get(Reader& r, SyncBegin& m);
void put(Writer& w, const StateStored& m);
void get(Reader& r, StateStored& m);
void put(Writer& w, const MlSegment& m);
void get(Reader& r, MlSegment& m);
void put(Writer& w, const CloseSession& m);
void get(Reader& r, CloseSession& m);
void put(Writer& w, const SessionOpened& m);
void get(Reader& r, SessionOpened& m);
void put(Writer& w, const SyncDone& m);
void get(Reader& r, SyncDone& m);
void put(Writer& w, const SyncCommitted& m);
void get(Reader& r, SyncCommitted& m);
void put(Writer& w, const ModelTaken& m);
void get(Reader& r, ModelTaken& m);
void put(Writer& w, const SessionFailed& m);
void get(Reader& r, SessionFailed& m);

// Tools and the licence server: tool_codec.cpp
void put(Writer& w, const SeatRequest& m);
void get(Reader& r, SeatRequest& m);
void put(Writer& w, const SeatRelease& m);
void get(Reader& r, SeatRelease& m);
void put(Writer& w, const SeatReply& m);
void get(Reader& r, SeatReply& m);
void put(Writer& w, const StatusQuery& m);
void get(Reader& r, StatusQuery& m);
void put(Writer& w, const SeatRule& m);
void get(Reader& r, SeatRule& m);
void put(Writer& w, const StatusReply& m);
void get(Reader& r, StatusReply& m);
void put(Writer& w, const RemoveServer& m);
void get(Reader& r, RemoveServer& m);

// SNs among each other: server_codec.cpp
void put(Writer& w, const ConsensusMessage& m);
void get(Reader& r, ConsensusMessage& m);
void put(Writer& w, const RelayedCommand& m);
void get(Reader& r, RelayedCommand& m);
void put(Writer& w, const RelayedNews& m);
void get(Reader& r, RelayedNews& m);
void put(Writer& w, const MembershipRequest& m);
void get(Reader& r, MembershipRequest& m);
void put(Writer& w, const MembershipReply& m);
void get(Reader& r, MembershipReply& m);
void put(Writer& w, const ReadIndex& m);
void get(Reader& r, ReadIndex& m);
void put(Writer& w, const RelayedResult& m);
void get(Reader& r, RelayedResult& m);

// An SN that joins takes the state of the ledger: state_codec.cpp
void put(Writer& w, const SnapshotQuery& m);
void get(Reader& r, SnapshotQuery& m);
void put(Writer& w, const SnapshotOffer& m);
void get(Reader& r, SnapshotOffer& m);
void put(Writer& w, const FetchSnapshot& m);
void get(Reader& r, FetchSnapshot& m);
void put(Writer& w, const SnapshotPart& m);
void get(Reader& r, SnapshotPart& m);
void put(Writer& w, const FetchRecords& m);
void get(Reader& r, FetchRecords& m);
void put(Writer& w, const RecordsPart& m);
void get(Reader& r, RecordsPart& m);

}  // namespace starling
