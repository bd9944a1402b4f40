#include "core/wire/messages.hpp"

#include <array>

namespace starling {

Message::Message() = default;
Message::Message(const Message& other) = default;
Message::Message(Message&& other) noexcept = default;
Message& Message::operator=(const Message& other) = default;
Message& Message::operator=(Message&& other) noexcept = default;
Message::~Message() = default;

std::string_view type_name(const Message& message) {
    static constexpr std::array<std::string_view, std::variant_size_v<Message::variant>> names = {
        "Hello",
        "Refused",
        "SubmitCommand",
        "Heartbeat",
        "CommandResult",
        "ViewUpdate",
        "FetchSegments",
        "SegmentData",
        "OpenSession",
        "SyncBegin",
        "MlSegment",
        "CloseSession",
        "SessionOpened",
        "SyncDone",
        "SessionFailed",
        "SeatRequest",
        "SeatRelease",
        "SeatReply",
        "StatusQuery",
        "SeatRule",
        "StatusReply",
        "ConsensusMessage",
        "RelayedCommand",
        "RelayedNews",
        "MembershipRequest",
        "MembershipReply",
        "FetchProbe",
        "FetchProbeReply",
        "RemoveServer",
        "ReadIndex",
        "RelayedResult",
        "RollNews",
        "FetchMembers",
        "MemberListPart",
        "SnapshotQuery",
        "SnapshotOffer",
        "FetchSnapshot",
        "SnapshotPart",
        "FetchRecords",
        "RecordsPart",
        "StateStored",
        "SyncCommitted",
        "ModelTaken"};
    return names.at(message.index());
}

}  // namespace starling
