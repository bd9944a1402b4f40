#include "core/wire/messages.hpp"

#include <array>

namespace starling {

std::string_view type_name(const Message& message) {
    static constexpr std::array<std::string_view, std::variant_size_v<Message>> names = {
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
        "RemoveServer"};
    return names.at(message.index());
}

}  // namespace starling
