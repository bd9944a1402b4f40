#include <array>
#include <cmath>
#include <optional>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/wire/codec.hpp"
#include "tests/support/sanitizers.hpp"

namespace starling::test {
namespace {

const CheckIn check_in{.weight = 1,
                       .samples = 2,
                       .epochs_done = 3,
                       .epochs_total = 4,
                       .finished = true,
                       .fresh = true,
                       .loss = 0.5,
                       .scalars = Scalars{{"lr", 0.25}, {"val/accuracy", 1.0}}};

ContractConfig some_config() {
    ContractConfig config;
    config.min_peers = 3;
    config.exchange = ExchangePlan::tree;
    config.grace_ns = 5;
    config.wait_limit_ns = 7;
    config.layout_bytes = 12;
    config.layout_fingerprint.bytes[3] = std::byte{9};
    return config;
}

ConsensusMessage append_message() {
    ConsensusMessage message;
    message.version = 1;
    message.sender = 2;
    message.receiver = 3;
    message.term = 4;
    message.log_index = 5;
    message.log_term = 6;
    message.commit = 7;
    message.rejected = 8;
    message.features = 9;
    message.capacity = 10;
    message.pre_vote = true;
    message.lacks_records = true;
    message.records = {encode_record({6, 4, RecordKind::entry, Bytes(3)}), {}};
    return message;
}

std::vector<Message> one_of_each() {
    const RoundKey key{"default", 1, 2, 3, true};
    const Digest digest{{std::byte{1}, std::byte{2}}};
    ContractView view;
    view.name = "default";
    view.phase = ContractPhase::exchanging;
    view.frozen = std::vector<RoundMember>{
        {.id = {"sl1"}, .address = {"127.0.1.1", 16000}, .weight = 1},
        {.id = {"sl2"}, .address = {"127.0.2.2", 16000}, .weight = 5, .site = "north"}};
    view.departed = {{"sl3"}};
    view.last_commit = Commit{4, 0, digest, view.frozen, true};
    view.all_stayed = true;
    view.reason = "none";
    const MembershipReply reply{Errc::ok,
                                "",
                                {{{"sn1"}, {"127.0.0.1", 4}, 78, true}},
                                NodeId{"sn2"},
                                RebuildProof{{}, Bytes(3)}};
    return {
        Hello{{"sl1"}, Role::sl, 9},
        Refused{Errc::refused, "no"},
        SubmitCommand{1, 2, Enrol{"default", some_config(), "w F32 3\n", Run{4}, "north"}},
        Heartbeat{.contract = "default",
                  .run = 1,
                  .known_version = 2,
                  .round = 3,
                  .attempt = 4,
                  .progress = {5, 6, "sl2"},
                  .stalls = {{{"sl2"}, true, false}},
                  .session = 9},
        CommandResult{2, Errc::layout_mismatch, "differs", 4, 9},
        ViewUpdate{view, digest, std::nullopt},
        FetchSegments{key, SegmentKind::merged, {{0, 4}, {9, 1}}},
        SegmentData{key, SegmentKind::contribution, 7},
        OpenSession{"default", some_config(), "w F32 3\n", EndMode::snapshot},
        SyncBegin{3, check_in, true, true},
        MlSegment{3, 1},
        CloseSession{Errc::program, "bye"},
        SessionOpened{1, 2, 3},
        SyncDone{1, 2, 3, digest, true, false},
        SessionFailed{Errc::aborted, "over"},
        SeatRequest{true},
        SeatRelease{},
        SeatReply{Errc::refused, "none left", 5},
        StatusQuery{7, "contract", "default", true},
        SeatRule{8, {"sl1"}, true},
        StatusReply{7, Errc::not_found, "no contract"},
        append_message(),
        RelayedCommand{{"sl1"}, {1, 2, LoseNode{{"sl2"}, "silent"}}},
        RelayedNews{{"sl1"}, false, {}},
        MembershipRequest{{{"sn2"}, {"127.0.0.1", 4}, 77, false}, true},
        reply,
        FetchProbe{key, 7},
        FetchProbeReply{key, 7, true, 3},
        RemoveServer{7, {"sn2"}, {"swci1"}, 8, {{}, {}, Bytes(20), Bytes(9), Bytes(64)}, {}},
        ReadIndex{ReadIndex::Step::confirm, 7, 8, 9},
        RelayedResult{{"sl1"}, 7, {8, Errc::malformed, "no", 0, 0}},
        RollNews{{{{"sl1"}, CaFingerprint{}}}},
        FetchMembers{digest, 7},
        MemberListPart{digest, 9, 7, view.frozen},
        SnapshotQuery{},
        SnapshotOffer{{{{"sn1"}, {"127.0.0.1", 4}, 78, true}}, {{7, 8, digest}, {5, 6, digest}}},
        FetchSnapshot{7, 8},
        SnapshotPart{7, 8},
        FetchRecords{9},
        RecordsPart{9, digest, {Bytes(3), Bytes(4)}},
        StateStored{3},
        SyncCommitted{3},
        ModelTaken{3}};
}

std::vector<Command> every_command() {
    const ExcludeMember exclusion{.contract = "default",
                                  .run = 1,
                                  .round = 2,
                                  .attempt = 3,
                                  .node = {"sl2"},
                                  .refused = true,
                                  .reason = "silent"};
    return {RegisterNode{Role::sl, {"127.0.0.1", 3}},
            Enrol{"default", some_config(), "w F32 3\n"},
            CheckInRound{"default", 1, 2, check_in, {}},
            CheckInRound{"default", 1, 2, check_in, EarlyMerge{{}, {}, false}},
            CommitRound{"default", 1, 2, 3, {{{"sl1"}, {}, {}}, {{"sl2"}, {}, {}}}},
            LeaveContract{"default", 1, "done"},
            ExpireDeadline{"default", 1, 99},
            LoseNode{{"sl2"}, "silent"},
            exclusion,
            ReadBarrier{},
            Checkpoint{7, {}},
            RemoveServers{{{"sn2"}, {"sn3"}}, "sn1", true, 7, 8},
            SwarmRules{Admission::roll,
                       {{{"swci1"}, CaFingerprint{}}},
                       {{{"swci2"}, CaFingerprint{}}},
                       {{{"sl1"}, std::nullopt}},
                       {{"sn2"}}},
            ChangeRoll{ChangeRoll::Kind::expel, {"sl1"}, std::nullopt},
            NameNonFinite{"default", 1, 2, {"sl2"}},
            KeepApart{"default", 1, 2, 3, {"sl2"}, {{"sl3"}}},
            NameFalseMerge{"default", 1, 2, {"sl2"}},
            RecordReports{"default", 1, 2, 3, {{{"sl1"}, {}, {}}}}};
}

Result<Message> decode_whole(ByteView bytes) {
    if (bytes.size() < frame_header_bytes) {
        return Error{Errc::malformed, "short"};
    }
    const auto header = decode_header(bytes.first(frame_header_bytes));
    if (!header) {
        return header.error();
    }
    if (bytes.size() - frame_header_bytes < header->message_bytes) {
        return Error{Errc::malformed, "short"};
    }
    return decode_message(*header, bytes.subspan(frame_header_bytes, header->message_bytes));
}

TEST(Codec, EveryMessageRoundTrips) {
    const auto messages = one_of_each();
    ASSERT_EQ(messages.size(), std::variant_size_v<Message::variant>);
    for (const Message& message : messages) {
        const Bytes bytes = encode_head({message, {}});
        EXPECT_EQ(encoded_size({message, {}}), bytes.size());
        const auto again = decode_whole(bytes);
        ASSERT_TRUE(again) << type_name(message) << ": " << again.error().message;
        EXPECT_EQ(again->index(), message.index());
        EXPECT_EQ(encode_head({*again, {}}), bytes) << type_name(message);
    }
}

/// A long list goes to many members: its bytes are made once and are in memory once.
TEST(Codec, FramesWithCopiesOfAListShareItsBytes) {
    const MemberList members{{.id = {"sl1"}}, {.id = {"sl2"}}};
    const MemberList copy = members;
    const Frame frame{MemberListPart{{}, 2, 0, members}, {}};
    const FrameHead head = encode_shared_head(frame);
    const FrameHead again = encode_shared_head({MemberListPart{{}, 2, 0, copy}, {}});
    EXPECT_EQ(head.shared.view().data(), again.shared.view().data());
    for (const Message& message : one_of_each()) {
        const FrameHead pieces = encode_shared_head({message, {}});
        Bytes whole = pieces.own;
        const ByteView rest = pieces.shared.view();
        whole.insert(whole.end(), rest.begin(), rest.end());
        EXPECT_EQ(whole, encode_head({message, {}})) << type_name(message);
        EXPECT_EQ(pieces.size(), whole.size());
    }
}

/// A part of a list whose members have all but a byte of their texts from the one before.
Bytes part_of_similar_members(std::uint32_t count, bool ascending) {
    std::vector<RoundMember> members;
    for (std::uint32_t i = 0; i < count; ++i) {
        std::string digits = std::to_string(ascending ? i : count - i);
        digits.insert(0, 6 - digits.size(), '0');
        members.push_back({.id = {std::string(58, 'n') + digits},
                           .address = {std::string(255, 'h'), 1},
                           .site = std::string(64, 's')});
    }
    return encode_head({MemberListPart{{}, count, 0, std::move(members)}, {}});
}

TEST(Codec, AListTakesNoMoreMemoryThanItsBound) {
    constexpr std::uint32_t most = list_text_bytes_max / (64 + 255 + 64);
    const auto part = decode_whole(part_of_similar_members(most, true));
    ASSERT_TRUE(part);
    EXPECT_GT(unpacked_bytes(*part), list_text_bytes_max);
    EXPECT_LT(unpacked_bytes(*part), 2 * list_text_bytes_max);
    EXPECT_FALSE(decode_whole(part_of_similar_members(most + 1, true)));
}

TEST(Codec, AListWhoseMembersDoNotAscendIsMalformed) {
    EXPECT_TRUE(decode_whole(part_of_similar_members(2, true)));
    EXPECT_FALSE(decode_whole(part_of_similar_members(2, false)));
    const RoundMember twice{.id = {"sl1"}};
    EXPECT_FALSE(decode_whole(encode_head({MemberListPart{{}, 2, 0, {twice, twice}}, {}})));
}

TEST(Codec, EveryCommandRoundTrips) {
    const auto commands = every_command();
    ASSERT_EQ(commands.size(), std::variant_size_v<Command::variant> + 1) << "a check-in has two";
    for (const Command& command : commands) {
        const Entry entry{5, {"sl1"}, 2, 3, command};
        const Bytes bytes = encode_entry(entry);
        const auto again = decode_entry(bytes);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->command.index(), command.index());
        EXPECT_EQ(encode_entry(*again), bytes);
    }
}

TEST(Codec, MatchesTheWorkedExampleOfTheFormat) {
    const Bytes bytes = encode_head({MlSegment{3, 1}, Blob::phantom(5)});
    EXPECT_EQ(to_hex(bytes),
              "5354524c"
              "0e"
              "0b"
              "0000"
              "0c000000"
              "05000000"
              "0300000000000000"
              "01000000");
}

TEST(Codec, ATruncatedFrameIsAnErrorAtEveryLength) {
    for (const Message& message : one_of_each()) {
        const Bytes bytes = encode_head({message, {}});
        for (std::size_t length = frame_header_bytes; length < bytes.size(); ++length) {
            FrameHeader header = *decode_header(ByteView(bytes).first(frame_header_bytes));
            EXPECT_FALSE(decode_message(
                header, ByteView(bytes).subspan(frame_header_bytes, length - frame_header_bytes)))
                << type_name(message) << " cut at " << length;
        }
    }
}

TEST(Codec, RejectsInvalidHeadersBeforeAllocating) {
    const auto header = [](std::uint32_t magic, std::uint8_t version, std::uint8_t type,
                           std::uint32_t message_bytes, std::uint32_t body_bytes) {
        Writer w;
        w.u32(magic);
        w.u8(version);
        w.u8(type);
        w.u16(0);
        w.u32(message_bytes);
        w.u32(body_bytes);
        return decode_header(w.bytes());
    };
    EXPECT_TRUE(header(frame_magic, wire_version, 8, 40, body_bytes_max));
    EXPECT_EQ(header(0x20544547, wire_version, 8, 40, 0).error().code, Errc::malformed);  // "GET "
    EXPECT_EQ(header(frame_magic, wire_version + 1, 8, 40, 0).error().code, Errc::unknown_version);
    EXPECT_EQ(header(frame_magic, wire_version, 0, 40, 0).error().code, Errc::malformed);
    EXPECT_EQ(header(frame_magic, wire_version, std::variant_size_v<Message::variant> + 1, 40, 0)
                  .error()
                  .code,
              Errc::malformed);
    EXPECT_EQ(header(frame_magic, wire_version, 8, 0xffffffffU, 0).error().code, Errc::too_large);
    EXPECT_EQ(header(frame_magic, wire_version, 8, 40, body_bytes_max + 1).error().code,
              Errc::too_large);
    EXPECT_EQ(header(frame_magic, wire_version, 4, 40, 1).error().code,
              Errc::too_large);  // a heartbeat has no body
}

TEST(Codec, DamagedFramesCauseNoCrash) {
    Random random(11);
    const auto messages = one_of_each();
    std::size_t accepted = 0;
    const int frames = with_sanitizers ? 200'000 : 1'000'000;
    for (int i = 0; i < frames; ++i) {
        Bytes bytes = encode_head({messages[random.below(messages.size())], {}});
        const std::uint64_t changes = 1 + random.below(4);
        for (std::uint64_t c = 0; c < changes; ++c) {
            bytes[random.below(bytes.size())] = static_cast<std::byte>(random.next());
        }
        if (random.chance(0.2)) {
            bytes.resize(random.below(bytes.size() + 1));
        }
        accepted += decode_whole(bytes).has_value() ? 1U : 0U;
    }
    EXPECT_GT(accepted, 0U);  // a changed number is still a valid number
    EXPECT_LT(accepted, static_cast<std::uint64_t>(frames));
}

/// Others dial a host and look for it in certificates: one with a zero byte is truncated there.
TEST(Codec, AHostMustBePrintable) {
    for (const std::string& host :
         {std::string("10.0.0.1\0x", 10), std::string("\x1b[2J"), std::string("\xc3\xa9")}) {
        const Entry entry{5, {"sl1"}, 2, 3, RegisterNode{Role::sl, {host, 3}}};
        EXPECT_FALSE(decode_entry(encode_entry(entry))) << host;
    }
    // The simulator's host names may contain spaces.
    for (const char* host : {"fe80::1%eth0", "Peter's laptop"}) {
        const Entry entry{5, {"sl1"}, 2, 3, RegisterNode{Role::sl, {host, 3}}};
        EXPECT_TRUE(decode_entry(encode_entry(entry))) << host;
    }
}

std::optional<ContractConfig> decoded(const Bytes& bytes) {
    Reader reader(bytes);
    ContractConfig config = decode_contract_config(reader);
    return reader.done() ? std::optional(std::move(config)) : std::nullopt;
}
Bytes encoded(const ContractConfig& config) {
    Writer writer;
    encode(writer, config);
    return writer.take();
}

TEST(Codec, AnUnknownMergeRuleIsMalformed) {
    Bytes bytes = encoded(some_config());
    const std::size_t rule_at = 8;  // after min_peers and sync_frequency
    EXPECT_TRUE(decoded(bytes));
    for (const std::uint8_t code : std::array<std::uint8_t, 2>{0, 99}) {
        bytes[rule_at] = std::byte{code};
        EXPECT_FALSE(decoded(bytes)) << int{code};
    }
}

TEST(Codec, AnUnknownExchangePlanIsMalformed) {
    Bytes bytes = encoded(some_config());
    const std::size_t plan_at = 11;  // after the rule, a mean, the compression and the policy
    EXPECT_TRUE(decoded(bytes));
    EXPECT_EQ(bytes[plan_at], std::byte{4});
    for (const std::uint8_t code : std::array<std::uint8_t, 2>{0, 5}) {
        bytes[plan_at] = std::byte{code};
        EXPECT_FALSE(decoded(bytes)) << int{code};
    }
}

TEST(Codec, ASiteIsEmptyOrANodesName) {
    for (const auto& [site, good] : std::map<std::string, bool>{
             {"", true}, {"north-1", true}, {"a b", false}, {std::string(65, 'x'), false}}) {
        Writer writer;
        encode(writer, Command{Enrol{"c", some_config(), "w F32 3\n", {}, site}});
        const Bytes bytes = writer.take();
        Reader reader(bytes);
        decode_command(reader);
        EXPECT_EQ(reader.ok(), good) << site;
    }
}

TEST(Codec, AMergeRuleTravelsWithItsParameters) {
    ContractConfig config = some_config();
    for (const char* text : {"mean", "trimmed-mean:beta=0.3", "krum:f=0,select=2",
                             "geometric-median:iterations=9", "centred-clipping:tau=0.5"}) {
        config.merge = *parse_merge_method(text);
        config.min_peers = std::max(3U, config.min_peers);
        EXPECT_EQ(decoded(encoded(config)), config) << text;
    }
    config.merge.parameters[0] = -1.0;
    EXPECT_FALSE(decoded(encoded(config)));
    config.merge = *parse_merge_method("krum:f=7");
    config.min_peers = 16;
    EXPECT_FALSE(decoded(encoded(config)));
    config.min_peers = 17;
    EXPECT_TRUE(decoded(encoded(config)));
}

TEST(Codec, ACompressionTravelsWithItsFraction) {
    ContractConfig config = some_config();
    for (const char* text : {"none", "f16", "bf16", "int8", "top-k:fraction=0.25"}) {
        config.compression = *parse_compression(text);
        EXPECT_EQ(decoded(encoded(config)), config) << text;
    }
    for (const double fraction : {0.0, -1.0, 1.5, static_cast<double>(NAN)}) {
        config.compression.fraction = fraction;
        EXPECT_FALSE(decoded(encoded(config))) << fraction;
    }
    Bytes bytes = encoded(some_config());
    const std::size_t kind_at = 9;  // after the merge rule
    bytes[kind_at] = std::byte{5};
    EXPECT_FALSE(decoded(bytes));
}

TEST(Codec, ARuleOfAProgramNeedNotBeKnown) {
    ContractConfig config = some_config();
    config.merge.rule = MergeRule::of_program;
    config.merge.name = "of-another-program";
    config.merge.parameters = {1.5, -2.0};
    EXPECT_EQ(decoded(encoded(config)), config);
    EXPECT_EQ(to_string(config.merge), "of-another-program:1=1.5,2=-2");
    for (const char* name : {"", "Upper", "with space", "line\nbreak"}) {
        config.merge.name = name;
        EXPECT_FALSE(decoded(encoded(config))) << name;
    }
    config.merge.name = "nan";
    config.merge.parameters = {NAN};
    EXPECT_FALSE(decoded(encoded(config)));
    config.merge.parameters.assign(merge_parameters_max + 1, 0.0);
    EXPECT_FALSE(decoded(encoded(config)));
}

TEST(Reader, ACountNeverExceedsTheRemainingBytes) {
    Writer w;
    w.u32(0xffffffffU);
    Reader reader(w.bytes());
    EXPECT_EQ(reader.count(8, 0xffffffffU), 0U);
    EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace starling::test
