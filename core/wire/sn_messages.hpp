#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/heap_optional.hpp"
#include "core/ledger/command.hpp"

namespace starling {

// SL -> SN
struct SubmitCommand {
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    Command command;
    Signature signature;  ///< see Entry
};
/// A member that a transfer waits for and that has sent no byte for a long time.
struct Stall {
    NodeId node;
    bool merged = false;   ///< it owes merged segments; else its own parameters
    bool refused = false;  ///< no connection can be made: its certificate, or ours, is refused
};
/// A member's progress in receiving what an attempt at a round needs.
struct TransferProgress {
    /// Of whole segments and of one that is arriving; monotonic within an attempt.
    std::uint64_t received_bytes = 0;
    std::uint64_t expected_bytes = 0;  ///< when it is complete
    ShortText waits_for;               ///< the member that owes most; may be empty
};
/// What a member has received from another one in an attempt.
struct Sender {
    ShortText member;
    std::uint64_t bytes = 0;  ///< of whole segments
};
constexpr std::uint32_t senders_max = 16;

/// See MemberReport; repeated with each heartbeat until the round is over.
struct MergeReport {
    Digest digest;
    Signature signature;
    bool durable = true;
};
/// Renews the SL's lease; carries its newest view, the progress of its transfer and its report.
struct Heartbeat {
    ShortText contract;  ///< empty before enrolment
    Run run = 0;
    std::uint64_t known_version = 0;
    /// Of the attempt that the fields below are about, or of the committed one whose model it
    /// fetches.
    Round round = 0;
    Attempt attempt = 0;
    TransferProgress progress;
    std::vector<Stall> stalls;  ///< at most 64
    /// From whom this SL has received most in the attempt, for people to see; at most senders_max.
    std::vector<Sender> senders;
    /// The attempt's merged vector is complete here, and durable as far as the report says so.
    HeapOptional<MergeReport> report;
    std::uint64_t session = 0;  ///< of the SL's start that says so
};
// SN -> SL
struct CommandResult {
    std::uint64_t sequence = 0;
    Errc code = Errc::ok;
    std::string reason;
    /// Of the contract, for Enrol. In an answer to a heartbeat: see heartbeat_answer().
    Run run = 0;
    /// The start of the node that sent the command. With Errc::replaced: the node's newest start,
    /// and only older ones are addressed. 0: not said, as with answers to heartbeats.
    std::uint64_t session = 0;

    /// Whether it may answer a command of that start. What answers an earlier one, whose commands
    /// had the same numbers, may come over the connection of a newer one.
    bool is_for(std::uint64_t start) const { return session == 0 || session == start; }
};
/// All is well. `factor`: how many times as long as in a small swarm the interval between the SL's
/// heartbeats may be; 0 tells nothing.
inline CommandResult heartbeat_answer(int factor) {
    return {0, Errc::ok, "", static_cast<Run>(factor)};
}
struct ViewUpdate {
    ContractView view;
    /// Instead of a long list in the view, its digest: see FetchMembers.
    std::optional<Digest> frozen_list;
    std::optional<Digest> commit_list;  ///< of the members of its commit
};

// SN -> SL
constexpr std::uint32_t pins_max = 4096;
/// The CAs of the members that a view names, by the ledger's roll.
struct RollNews {
    struct Pin {
        NodeId node;
        CaFingerprint ca;
    };
    std::vector<Pin> pins;  ///< at most pins_max
};

// SL -> SN
/// Requests the part of a list of members that begins with this one.
struct FetchMembers {
    Digest list;  ///< see digest_of()
    std::uint32_t first = 0;
};
// SN -> SL
/// A part of a list of members. A total of 0: the SN does not have it (any more).
struct MemberListPart {
    Digest list;
    std::uint32_t total = 0;  ///< members of the list
    std::uint32_t first = 0;  ///< of the members below in it
    MemberList members;
};

}  // namespace starling
