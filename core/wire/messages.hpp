#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/wire/ml_messages.hpp"
#include "core/wire/server_messages.hpp"
#include "core/wire/sl_messages.hpp"
#include "core/wire/sn_messages.hpp"
#include "core/wire/tool_messages.hpp"

namespace starling {

/// First frame in each direction of a connection: identifies the node. Handled by the transport.
struct Hello {
    NodeId name;
    Role role = Role::sl;
    std::uint64_t session = 0;  ///< of this start: see Node::session()
};
/// Last frame of a connection that is rejected, so that the other side can log the reason.
struct Refused {
    Errc code = Errc::refused;
    std::string reason;
};

/// Any message. A struct rather than an alias: the special members of a variant of so many types
/// are slow to compile, and so they are compiled once, in messages.cpp.
struct Message
    : std::variant<Hello, Refused, SubmitCommand, Heartbeat, CommandResult, ViewUpdate,
                   FetchSegments, SegmentData, OpenSession, SyncBegin, MlSegment, CloseSession,
                   SessionOpened, SyncDone, SessionFailed, SeatRequest, SeatRelease, SeatReply,
                   StatusQuery, SeatRule, StatusReply, ConsensusMessage, RelayedCommand,
                   RelayedNews, MembershipRequest, MembershipReply, FetchProbe, FetchProbeReply,
                   RemoveServer, ReadIndex, RelayedResult, RollNews, FetchMembers, MemberListPart,
                   SnapshotQuery, SnapshotOffer, FetchSnapshot, SnapshotPart, FetchRecords,
                   RecordsPart, StateStored, SyncCommitted, ModelTaken> {
    using variant::variant;
    Message();
    Message(const Message& other);
    Message(Message&& other) noexcept;
    Message& operator=(const Message& other);
    Message& operator=(Message&& other) noexcept;
    ~Message();
};

/// The unit of transfer: a small message and, for segments, a raw body.
struct Frame {
    Message message;
    Blob body;
};

/// "SubmitCommand", ...: for traces and errors.
std::string_view type_name(const Message& message);

}  // namespace starling
