#include <algorithm>
#include <limits>

#include "tests/fuzz/drawer.hpp"

namespace starling::fuzz {

using test::Author;

std::vector<Bytes> Drawer::records(std::uint64_t first, std::uint64_t term) {
    std::vector<Bytes> drawn;
    for (int count = in_range(0, 3); count > 0; --count) {
        LogRecord record{first++, one_in(4) ? number() : term, RecordKind::entry, {}};
        switch (in_range(0, 5)) {
            case 0:
                record.kind = RecordKind::barrier;
                break;
            case 1: {
                record.kind = RecordKind::membership;
                std::vector<Server> servers = some(3, [&] { return server(); });
                servers.push_back(server());
                record.data = encode_membership(servers);
                break;
            }
            case 2:
                record.data = bytes(12);
                break;
            default:
                record.data = encode_entry({static_cast<std::int64_t>(number()),
                                            node(),
                                            number(),
                                            number(),
                                            command(nullptr),
                                            {}});
        }
        drawn.push_back(encode_record(record));
    }
    return drawn;
}

ConsensusMessage Drawer::consensus() {
    static constexpr ConsensusKind kinds[] = {
        ConsensusKind::append, ConsensusKind::append_result, ConsensusKind::request_vote,
        ConsensusKind::request_vote_result, ConsensusKind::timeout_now};
    ConsensusMessage said;
    said.kind = kinds[in_range(0, 4)];
    said.version = static_cast<std::uint8_t>(one_in(8) ? in_range(0, 255) : in_range(0, 2));
    said.sender = one_in(6) ? number() : static_cast<std::uint64_t>(in_range(2, 3));
    said.receiver = one_in(10) ? number() : 1;
    said.term = one_in(10) ? number() : static_cast<std::uint64_t>(in_range(1, 6));
    said.log_index = number();
    said.log_term = number();
    said.commit = number();
    said.rejected = number();
    said.features = static_cast<std::uint16_t>(number());
    said.capacity = static_cast<std::uint16_t>(number());
    said.disrupt_leader = coin();
    said.pre_vote = coin();
    said.granted = coin();
    if (said.kind == ConsensusKind::append) {
        said.records = records(said.log_index + 1, std::max<std::uint64_t>(1, said.log_term));
    }
    return said;
}

SubmitCommand Drawer::submit(Author* author) {
    if (author != nullptr && !one_in(10)) {
        return author->submit(command(author));
    }
    SubmitCommand said{number(), number(), command(author), {}};
    if (author != nullptr) {
        said.signature = author->signer->sign(
            command_text(author->id, said.session, said.sequence, said.command));
    }
    return said;
}

Message Drawer::message_of_members(Author* author) {
    switch (in_range(0, 19)) {
        case 0:
        case 1:
        case 2:
            return submit(author);
        case 3:
            return heartbeat(author);
        case 4: {
            FetchSegments fetch{key(), segment_kind(), {}};
            fetch.ranges = some(3, [&] { return SegmentRange{small_number(), small_number()}; });
            return fetch;
        }
        case 5:
            return SegmentData{key(), segment_kind(), small_number()};
        case 6:
            return FetchProbe{key(), small_number()};
        case 7:
            return FetchProbeReply{key(), small_number(), coin(), small_number()};
        case 8:
            return OpenSession{contract(), config(),
                               one_in(8) ? text(node_name_max) : std::string(test::tiny_layout),
                               static_cast<EndMode>(in_range(1, 3))};
        case 9:
            return SyncBegin{number(), check_in(), coin(), coin()};
        case 10:
            return MlSegment{static_cast<std::uint64_t>(in_range(0, 3)), small_number()};
        case 11:
            return CloseSession{code(), text(reason_max)};
        case 12:
            return SessionOpened{small_number(), number(), small_number()};
        case 13:
            return SyncDone{number(), number(), small_number(), digest(), coin(), coin()};
        case 14:
            return SessionFailed{code(), text(reason_max)};
        case 15:
            return StateStored{static_cast<std::uint64_t>(in_range(0, 3))};
        case 16:
            return SyncCommitted{static_cast<std::uint64_t>(in_range(0, 3))};
        case 17:
            return ModelTaken{static_cast<std::uint64_t>(in_range(0, 3))};
        case 18:
            return SeatRequest{coin()};
        default:
            return SeatRelease{};
    }
}

Message Drawer::message_of_servers(Author* author) {
    switch (in_range(0, 13)) {
        case 0: {
            CommandResult result;
            result.sequence = static_cast<std::uint64_t>(in_range(0, 8));
            result.code = code();
            result.reason = text(reason_max);
            result.run = static_cast<starling::Run>(in_range(0, 1));
            result.session = number();
            return result;
        }
        case 1:
            return ViewUpdate{view(), one_in(4) ? std::optional(digest()) : std::nullopt,
                              one_in(4) ? std::optional(digest()) : std::nullopt};
        case 2:
        case 3:
            return consensus();
        case 4: {
            RelayedCommand relayed{node(), {number(), number(), command(author), {}}};
            if (author != nullptr) {
                relayed.from = coin() ? author->id : relayed.from;
                SubmitCommand& said = relayed.submit;
                said.signature = author->signer->sign(
                    command_text(relayed.from, said.session, said.sequence, said.command));
            }
            return relayed;
        }
        case 5:
            return RelayedNews{node(), coin(), heartbeat(author)};
        case 6:
            return MembershipRequest{server(), coin()};
        case 7: {
            MembershipReply reply{code(), text(reason_max), {}, {}, {}};
            reply.servers = some(2, [&] { return server(); });
            if (coin()) {
                reply.leader = node();
            }
            if (author != nullptr && coin()) {
                RemoveServers said{some(2, [&] { return node(); }), "sn2", coin(), number(), 1};
                Entry entry{5, author->id, 0, 0, std::move(said), {}};
                entry.signature =
                    author->signer->sign(command_text(author->id, 0, 0, entry.command));
                reply.rebuilt = RebuildProof{author->signer->credentials(), encode_entry(entry)};
            }
            return reply;
        }
        case 8:
            return ReadIndex{static_cast<ReadIndex::Step>(in_range(1, 4)), number(),
                             static_cast<std::uint64_t>(in_range(0, 6)), number()};
        case 9: {
            RollNews news;
            news.pins = some(3, [&] { return RollNews::Pin{node(), digest()}; });
            return news;
        }
        case 10:
            return FetchMembers{digest(), static_cast<std::uint32_t>(in_range(0, 3))};
        case 11:
            return MemberListPart{digest(), static_cast<std::uint32_t>(in_range(0, 5)),
                                  static_cast<std::uint32_t>(in_range(0, 2)),
                                  some(4, [&] { return member(); })};
        case 12:
            return message_of_state();
        default: {
            RelayedResult result{node(), number(), {}};
            result.result.sequence = static_cast<std::uint64_t>(in_range(0, 8));
            result.result.code = code();
            return result;
        }
    }
}

Message Drawer::message_of_state() {
    switch (in_range(0, 5)) {
        case 0:
            return SnapshotQuery{};
        case 1:
            return SnapshotOffer{some(2, [&] { return server(); }), some(2, [&] {
                                     return OfferedSnapshot{number(), number(), digest()};
                                 })};
        case 2:
            return FetchSnapshot{number(), number()};
        case 3:
            return SnapshotPart{number(), number()};
        case 4:
            return FetchRecords{static_cast<std::uint64_t>(in_range(0, 6))};
        default:
            return RecordsPart{static_cast<std::uint64_t>(in_range(0, 6)), digest(), records(1, 1)};
    }
}

Message Drawer::message_of_tools() {
    static constexpr const char* topics[] = {"nodes", "servers", "contracts", "contract",
                                             "round", "version", "seats",     "\xff"};
    switch (in_range(0, 5)) {
        case 0:
        case 1:
            return StatusQuery{small_number(), topics[in_range(0, 7)], contract(), coin()};
        case 2:
            return SeatRule{small_number(), node(), coin()};
        case 3:
            return RemoveServer{small_number(), node(), node(), number()};
        case 4:
            return SeatReply{code(), text(reason_max), static_cast<std::int64_t>(number())};
        default:
            return StatusReply{small_number(), code(), text(reason_max)};
    }
}

Message Drawer::message(Author* author) {
    switch (in_range(0, 5)) {
        case 0:
        case 1:
        case 2:
            return message_of_members(author);
        case 3:
        case 4:
            return message_of_servers(author);
        default:
            return message_of_tools();
    }
}

Blob Drawer::body_of(const Message& message) {
    const bool wants = std::holds_alternative<SegmentData>(message) ||
                       std::holds_alternative<MlSegment>(message) ||
                       std::holds_alternative<StatusReply>(message) ||
                       std::holds_alternative<SnapshotPart>(message);
    if (!wants && !one_in(16)) {
        return {};
    }
    return Blob(bytes(one_in(4) ? 3 : layout_bytes()));
}

}  // namespace starling::fuzz
