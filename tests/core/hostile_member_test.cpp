// What a malicious member with a valid certificate can do to an SN, an SL and an ML.
#include "core/ml/ml_node.hpp"
#include "core/sl/served_segments.hpp"
#include "core/sl/sl_node.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

bool reported(const NodeBench& bench, const std::string& name) {
    return std::any_of(bench.effects.begin(), bench.effects.end(), [&](const Effect& effect) {
        const auto* report = std::get_if<Report>(&effect);
        return report != nullptr && report->event.name == name;
    });
}

/// Log lines of the latest step.
std::size_t logged(const NodeBench& bench) {
    return static_cast<std::size_t>(
        std::count_if(bench.effects.begin(), bench.effects.end(), [](const Effect& effect) {
            const auto* report = std::get_if<Report>(&effect);
            return report != nullptr && !report->event.text.empty();
        }));
}

MergeReport report_of(const Author& author, Round round, Attempt attempt) {
    return {{}, author.signer->sign(report_text(author.id, "c", 0, round, attempt, {}))};
}

Heartbeat heartbeat_with_report(const Author& author, Round round, Attempt attempt) {
    Heartbeat heartbeat;
    heartbeat.contract = "c";
    heartbeat.round = round;
    heartbeat.attempt = attempt;
    heartbeat.report = report_of(author, round, attempt);
    return heartbeat;
}

TEST(HostileMember, ASecondEnrolmentDuringAnExchangeStopsNoSn) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(1), tiny_layout, {}}));
    sn.frame(member.id, member.submit(CheckInRound{"c", 0, 0, {}}));
    sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(1), tiny_layout, {}}));
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::ok);
    sn.frame(member.id, heartbeat_with_report(member, 0, 0));
    ASSERT_NE(sn.last<ViewUpdate>(member.id), nullptr);
    EXPECT_EQ(sn.last<ViewUpdate>(member.id)->view.round, 1U) << "its round is committed";
}

/// Such ledgers exist: the record became durable before it stopped every SN.
TEST(HostileMember, ALedgerWithASecondEnrolmentDuringAnExchangeCanBeLoaded) {
    SnNodeOptions options = sn_options({server(1)});
    Author member("sl1");
    std::vector<Bytes> entries{
        member.entry(RegisterNode{Role::sl, {"10.0.0.1", 16000}, member.signer->credentials()}),
        member.entry(Enrol{"c", tiny_contract(1), tiny_layout, {}}),
        member.entry(CheckInRound{"c", 0, 0, {}}),
        member.entry(Enrol{"c", tiny_contract(1), tiny_layout, {}}),
        encode_entry({5, {"sn1"}, 0, 0, CommitRound{"c", 0, 0, 0, {{member.id, {}, {}}}}, {}})};
    for (const Bytes& entry : entries) {
        options.log.records.push_back(encode_record({0, 1, RecordKind::entry, entry}));
    }
    NodeBench sn(make_sn_node(options, openssl_hasher()));
    sn.pass(std::chrono::seconds(2));
    sn.step(PeerUp{member.id, Role::sl, {}});
    Heartbeat heartbeat;
    heartbeat.contract = "c";
    sn.frame(member.id, heartbeat);
    ASSERT_NE(sn.last<ViewUpdate>(member.id), nullptr);
    EXPECT_EQ(sn.last<ViewUpdate>(member.id)->view.round, 1U);
}

TEST(HostileMember, MalformedCommandsAreNotLogged) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    const std::size_t records = sn.records.size();
    for (int i = 0; i < 20; ++i) {
        Author again = member;  // the refused command does not use up its sequence number
        sn.frame(member.id,
                 again.submit(Enrol{"c", tiny_contract(1), std::string(4 << 20, 'x'), {}}));
        EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::malformed);
    }
    EXPECT_EQ(sn.records.size(), records);
    sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(1), tiny_layout, {}}));
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::ok);
}

/// An auditor would take the gap for commands that the SNs suppressed.
TEST(HostileMember, CommandsThatSkipSequenceNumbersAreNotLogged) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    const std::size_t records = sn.records.size();
    member.sequence = 99;
    sn.frame(member.id, member.submit(LeaveContract{"c", 0, "x"}));
    EXPECT_EQ(sn.last<CommandResult>(member.id)->code, Errc::refused);
    EXPECT_EQ(sn.records.size(), records);
}

/// The commands are valid and signed, but useless: each is for a run that has ended.
TEST(HostileMember, NoMemberExceedsItsShareOfTheLedger) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    Author member("sl1");
    sn.step(PeerUp{member.id, Role::sl, {}});
    sn.frame(member.id, member.registration());
    std::string layout;
    for (int i = 0; i < 10'000; ++i) {
        layout += std::to_string(i) + std::string(250, 'w') + " F32 1\n";
    }
    ContractConfig config = tiny_contract(1);
    config.layout_bytes = 40'000;
    for (int i = 0; i < 30; ++i) {
        const SubmitCommand command = member.submit(Enrol{"c", config, layout, std::uint32_t{7}});
        sn.frame(member.id, command);
        sn.frame(member.id, command);  // resent, as if unanswered
    }
    EXPECT_LT(sn.bytes_kept(), 17U << 20U);
    EXPECT_GT(sn.bytes_kept(), 12U << 20U);
    Author other("sl2");
    sn.step(PeerUp{other.id, Role::sl, {}});
    sn.frame(other.id, other.registration());
    EXPECT_EQ(sn.last<CommandResult>(other.id)->code, Errc::ok) << "each signer has its own share";
}

TEST(HostileMember, ReadsAreNotLogged) {
    NodeBench sn(make_sn_node(sn_options(), openssl_hasher()));
    sn.step(PeerUp{{"swci1"}, Role::tool, {}});
    const std::size_t records = sn.records.size();
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        sn.frame({"swci1"}, SubmitCommand{9, i, ReadBarrier{}, {}});
        ASSERT_NE(sn.last<CommandResult>({"swci1"}), nullptr);
        EXPECT_EQ(sn.last<CommandResult>({"swci1"})->sequence, i);
    }
    EXPECT_EQ(sn.records.size(), records);
}

/// An SL whose ML has submitted a model of `elements` float32 values for round 0 of contract "c".
class HostilePartner : public testing::Test {
protected:
    static std::unique_ptr<Node> make() {
        SlNodeOptions options;
        options.id = {"sl1"};
        options.sn_addresses = {server(1).address, server(2).address};
        options.exchange_address = {"10.0.0.1", 16000};
        options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
        return make_sl_node(options, openssl_hasher());
    }
    void answer() { sl.frame({"sn1"}, CommandResult{++answers, Errc::ok, "", 0, 0}); }
    /// \param layout  if empty: one tensor of so many elements
    void begin_sync(std::uint64_t elements, const std::string& layout = "") {
        sl.step(PeerUp{{"sn1"}, Role::sn, server(1).address});
        answer();
        ContractConfig config = tiny_contract(2);
        config.layout_bytes = 4 * elements;
        sl.step(PeerUp{{"ml1"}, Role::ml, {}});
        const std::string tensor = "w F32 " + std::to_string(elements) + "\n";
        sl.frame({"ml1"}, OpenSession{"c", config, layout.empty() ? tensor : layout + tensor,
                                      EndMode::active});
        answer();
        sl.frame({"ml1"}, SyncBegin{0, {}});
    }
    void submit_model(std::uint64_t elements) {
        begin_sync(elements);
        const std::uint64_t bytes = 4 * elements;
        segments = segment_count(bytes);
        for (std::uint32_t i = 0; i < segments; ++i) {
            sl.frame({"ml1"}, MlSegment{0, i}, Blob::phantom(segment_size(bytes, i)));
        }
        answer();
        sl.step(PeerUp{{"sl2"}, Role::sl, {}});
    }
    void freeze(std::vector<RoundMember> members) {
        ContractView view;
        view.name = "c";
        view.version = ++version;
        view.phase = ContractPhase::exchanging;
        view.min_peers = 2;
        view.frozen = std::move(members);
        sl.frame({"sn1"}, ViewUpdate{view, {}, {}});
    }
    /// Dials of sn2 so far, after so many seconds in which SNs answer each heartbeat without a new
    /// view.
    std::ptrdiff_t dials_after(int count) {
        for (int i = 0; i < count; ++i) {
            sl.pass(std::chrono::seconds(1));
            for (const char* sn : {"sn1", "sn2"}) {
                sl.frame({sn}, CommandResult{0, Errc::ok, "", 0, 0});
            }
        }
        return std::count(sl.dialled.begin(), sl.dialled.end(), server(2).address);
    }
    std::size_t segments_sent() const {
        return static_cast<std::size_t>(
            std::count_if(sl.sent.begin(), sl.sent.end(), [](const Send& send) {
                return std::holds_alternative<SegmentData>(send.frame.message);
            }));
    }

    const RoundMember one{{"sl1"}, {"10.0.0.1", 16000}, 1, 1};
    const RoundMember two{{"sl2"}, {"10.0.0.1", 16000}, 1, 2};
    NodeBench sl{make()};
    std::uint64_t answers = 0;
    std::uint64_t version = 4;
    std::uint32_t segments = 0;
};

TEST_F(HostilePartner, BytesInLargerSegmentsThanFilesAndMembersHaveAreRefused) {
    begin_sync(262'144, "#segments 524288\n");
    sl.frame({"ml1"}, MlSegment{0, 0}, Blob(Bytes(524'288)));
    EXPECT_TRUE(reported(sl, "ml_segment_refused"));
    sl.frame({"ml1"}, MlSegment{0, 0}, Blob::phantom(524'288));
    EXPECT_FALSE(reported(sl, "ml_segment_refused"));
}

TEST_F(HostilePartner, ARequestIsAnsweredWithOneModelAtMost) {
    submit_model(25'000'000);
    freeze({one, two});
    sl.sent.clear();
    FetchSegments fetch{{"c", 0, 0, 0}, SegmentKind::contribution, {}};
    fetch.ranges.assign(4096, {0, 0xffffffffU});
    sl.frame({"sl2"}, fetch);
    EXPECT_EQ(segments_sent(), segments);
    for (int i = 0; i < 1000; ++i) {
        sl.frame({"sl2"}, fetch);
    }
    EXPECT_EQ(segments_sent(), segments * ServedSegments::copies_max)
        << "lost segments are resent, but only so often";
    sl.step(PeerUp{{"sl2"}, Role::sl, {}});
    sl.sent.clear();
    sl.frame({"sl2"}, fetch);
    EXPECT_EQ(segments_sent(), segments) << "what was queued on the previous connection is lost";
}

/// sn2, connected before, still sends views; sn1 answers each heartbeat but sends no new view.
TEST_F(HostilePartner, AnSnThatLagsBehindIsReplacedByAnother) {
    submit_model(4);
    freeze({one, two});
    ContractView later;
    later.name = "c";
    later.version = version + 1;
    sl.step(PeerUp{{"sn2"}, Role::sn, server(2).address});
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
        sl.frame({"sn2"}, CommandResult{sequence, Errc::ok, "", 0, 0});  // as sn1 has said
    }
    sl.step(PeerUp{{"sn1"}, Role::sn, server(1).address});
    EXPECT_EQ(dials_after(15), 0) << "no SN has a newer view";
    sl.frame({"sn2"}, ViewUpdate{later, {}, {}});
    EXPECT_EQ(dials_after(12), 1);
}

/// The only SN that the member is connected to answers each heartbeat, but sends no newer view.
TEST_F(HostilePartner, AMemberWithoutNewViewsConnectsToASecondSn) {
    submit_model(4);
    freeze({one, two});
    EXPECT_EQ(dials_after(25), 1) << "after 20 s";
    sl.step(PeerUp{{"sn2"}, Role::sn, server(2).address});
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
        sl.frame({"sn2"}, CommandResult{sequence, Errc::ok, "", 0, 0});
    }
    EXPECT_EQ(dials_after(60), 1) << "the two SNs are compared from then on";
    EXPECT_NE(sl.last<Heartbeat>({"sn2"}), nullptr);
}

TEST_F(HostilePartner, InconsistentViewsAreIgnored) {
    submit_model(4);
    RoundMember idle_one = one;
    RoundMember idle_two = two;
    idle_one.weight = 0;
    idle_two.weight = 0;
    RoundMember heavy = one;
    heavy.weight = 0xffffffffU;
    for (const auto& members : std::vector<std::vector<RoundMember>>{
             {idle_one, idle_two}, {one, two, one}, {two, one}, {one, one}, {heavy, two}, {}}) {
        freeze(members);
        EXPECT_FALSE(reported(sl, "exchange_begin"));
        EXPECT_TRUE(reported(sl, "view_refused"));
    }
    freeze({one, two});
    EXPECT_TRUE(reported(sl, "exchange_begin"));
}

/// An SN that sends such a list or view as often as it can.
TEST_F(HostilePartner, WhatALyingSnSendsIsLoggedOnceAMinute) {
    submit_model(4);
    const auto log_lines = [&] {
        std::size_t lines = 0;
        for (int i = 0; i < 10; ++i) {
            ViewUpdate named;
            named.view.name = "c";
            named.view.version = ++version;
            named.view.phase = ContractPhase::exchanging;
            named.frozen_list = Digest{.bytes = {std::byte{1}}};
            sl.frame({"sn1"}, named);
            sl.frame({"sn1"}, MemberListPart{*named.frozen_list, 1, 0, {one}});
            EXPECT_TRUE(reported(sl, "members_refused"));
            lines += logged(sl);
            freeze({two, one});
            EXPECT_TRUE(reported(sl, "view_refused"));
            lines += logged(sl);
        }
        return lines;
    };
    EXPECT_EQ(log_lines(), 2U) << "and that another SN is dialled";
    sl.now += std::chrono::seconds(61);
    EXPECT_EQ(log_lines(), 1U);
}

TEST_F(HostilePartner, OnlyAnMlOpensASession) {
    sl.step(PeerUp{{"sn1"}, Role::sn, server(1).address});
    answer();
    sl.step(PeerUp{{"sn2"}, Role::sn, server(1).address});
    sl.step(PeerUp{{"swci1"}, Role::tool, {}});
    for (const char* name : {"sn1", "swci1"}) {
        sl.frame({name}, OpenSession{"c", tiny_contract(2), tiny_layout, EndMode::active});
        EXPECT_TRUE(reported(sl, "frame_ignored"));
    }
}

/// An ML whose program has opened its session with a model of 16 bytes.
class HostileSl : public testing::Test {
protected:
    HostileSl() {
        ml.step(PeerUp{{"sl1"}, Role::sl, {}});
        OpenRequest open;
        open.contract = "c";
        open.layout = std::make_shared<const ParamLayout>(*ParamLayout::parse(tiny_layout));
        ml.step(WorkDone{1, TrainRequest{open}});
    }
    static std::unique_ptr<Node> make() {
        MlNodeOptions options;
        options.id = {"ml1"};
        options.sl_address = {"/socket", 0};
        return make_ml_node(std::move(options), openssl_hasher());
    }
    /// The reply to the program in the latest step.
    std::optional<TrainReply> reply() const {
        for (const Effect& effect : ml.effects) {
            const auto* work = std::get_if<StartWork>(&effect);
            const auto* train = work == nullptr ? nullptr : std::get_if<TrainWork>(&work->what);
            if (train != nullptr) {
                return train->reply;
            }
        }
        return std::nullopt;
    }
    void merged(std::uint64_t sequence) {
        ml.frame({"sl1"}, SyncDone{sequence, 0, 2, {}, false});
        ml.frame({"sl1"}, MlSegment{sequence, 0}, Blob(Bytes(16)));
    }

    NodeBench ml{make()};
};

TEST_F(HostileSl, ASegmentAfterTheSessionsEndStopsNoMl) {
    ml.frame({"sl1"}, SessionOpened{0, 0, 2});
    SyncRequest sync;
    sync.params = cut(Blob(Bytes(16)));
    ml.step(WorkDone{1, TrainRequest{sync}});
    ml.frame({"sl1"}, SyncDone{0, 0, 2, {}, false});
    ml.frame({"sl1"}, SessionFailed{Errc::aborted, "x"});
    EXPECT_TRUE(std::holds_alternative<FailedReply>(reply().value()));
    ml.frame({"sl1"}, MlSegment{0, 0}, Blob(Bytes(16)));
    EXPECT_FALSE(reply());
}

TEST_F(HostileSl, UnsolicitedMessagesAreNotPassedToTheProgram) {
    merged(UINT64_MAX);
    EXPECT_FALSE(reply()) << "it waits for its session";
    ml.frame({"sl1"}, SessionOpened{0, 0, 2});
    EXPECT_TRUE(std::holds_alternative<OpenedReply>(reply().value()));
    merged(0);
    EXPECT_FALSE(reply()) << "it is training";
    SyncRequest sync;
    sync.params = cut(Blob(Bytes(16)));
    ml.step(WorkDone{1, TrainRequest{sync}});
    ml.frame({"sl1"}, SessionOpened{0, 0, 2});
    EXPECT_FALSE(reply());
    merged(0);
    EXPECT_TRUE(std::holds_alternative<SyncedReply>(reply().value()));
}

TEST(ServedSegments, RangesNameEachSegmentOnce) {
    using Segments = std::vector<std::uint32_t>;
    EXPECT_EQ(segments_in({{1, 2}, {2, 2}, {9, 1}}, 6), (Segments{1, 2, 3}));
    EXPECT_EQ(segments_in({{4, 0xffffffffU}, {0xffffffffU, 0xffffffffU}, {2, 0}}, 6),
              (Segments{4, 5}));
    EXPECT_TRUE(segments_in({{0, 5}}, 0).empty());
}

}  // namespace
}  // namespace starling::test
