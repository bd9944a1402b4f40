// Views of a contract that an SN has made up: an SL is not misled by them for long.
#include "tests/support/sl_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t no_later_one = std::uint64_t{1} << 60;

bool reports(const NodeBench& sl, std::string_view event) {
    return std::ranges::any_of(sl.effects, [&](const Effect& effect) {
        const auto* report = std::get_if<Report>(&effect);
        return report != nullptr && report->event.name == event;
    });
}
bool begins_to_fetch(const NodeBench& sl) { return reports(sl, "catch_up_begin"); }

class MadeUpView : public SlBench {
protected:
    MadeUpView() {
        enrol();
        sync();
        answer(1, 3, Errc::ok);
    }
    /// That SN has the commands which SN 1 has answered.
    void up(std::uint64_t number) {
        SlBench::up(number);
        answer_all(number, Errc::stale);
    }
    static ContractView exchanging(std::uint64_t version) {
        return {.version = version,
                .phase = ContractPhase::exchanging,
                .checked_in = 2,
                .min_peers = 2,
                .frozen = MemberList({{.id = {"sl1"}, .weight = 1},
                                      {.id = {"sl2"}, .address = partner, .weight = 1}})};
    }
    static ContractView committed(std::uint64_t version, Round round, bool final) {
        ContractView view{.version = version, .round = round + 1, .min_peers = 2};
        view.phase = final ? ContractPhase::complete : ContractPhase::gathering;
        view.last_commit =
            Commit{round, 0, model, MemberList({{.id = {"sl2"}, .address = partner}}), final};
        return view;
    }
    /// Once a second, with a heartbeat between.
    void views(std::uint64_t number, const ContractView& made, int count) {
        for (int second = 0; second < count; ++second) {
            view(number, made);
            pass_a_heartbeat(number);
        }
    }
    bool dials(const Address& address) const { return std::ranges::count(sl.dialled, address) > 0; }
    std::uint64_t known_version(std::uint64_t number) const {
        const auto* beat = sl.last<Heartbeat>(server(number).node);
        return beat == nullptr ? no_later_one : beat->known_version;
    }

    static const inline Address partner{"10.0.0.2", 16000};
    static const inline Digest model{{std::byte{7}}};
};

TEST_F(MadeUpView, ALargeVersionIsGivenUpIfTwoOtherSnsTellOfEarlierOnes) {
    view(1, {.version = no_later_one, .min_peers = 2});
    up(2);
    pass_a_heartbeat(2);
    sl.pass(seconds(1));
    EXPECT_EQ(known_version(2), 0U) << "it is asked for its own view";
    views(2, exchanging(5), 9);
    EXPECT_FALSE(dials(partner)) << "it may lag behind";
    views(2, exchanging(5), 3);
    EXPECT_TRUE(dials(server(3).address));
    EXPECT_FALSE(dials(partner)) << "which of the two lies?";
    up(3);
    views(3, exchanging(5), 12);
    EXPECT_TRUE(dials(partner)) << "the exchange has begun";
    EXPECT_EQ(known_version(3), 5U);
    sl.step(PeerLost{server(3).node, "gone"});
    sl.pass(seconds(1));
    EXPECT_EQ(sl.dialled.back(), server(2).address) << "and not the one that has made it up";
}

TEST_F(MadeUpView, ATrueViewIsKeptIfAThirdSnConfirmsIt) {
    view(1, exchanging(8));
    up(2);
    views(2, {.version = 3, .min_peers = 2}, 12);
    up(3);
    views(3, exchanging(8), 1);
    EXPECT_EQ(known_version(3), 8U);
    sl.step(PeerLost{server(3).node, "gone"});
    sl.pass(seconds(1));
    EXPECT_EQ(sl.dialled.back(), server(1).address) << "and not the one that has denied it";
}

TEST_F(MadeUpView, OneSnIsBelievedIfNoThirdOneAnswers) {
    view(1, {.version = no_later_one, .min_peers = 2});
    up(2);
    views(2, exchanging(5), 18);
    EXPECT_FALSE(dials(partner));
    views(2, exchanging(5), 4);
    EXPECT_TRUE(dials(partner));
}

TEST_F(MadeUpView, AnSnThatLagsBehindChangesNothing) {
    view(1, exchanging(8));
    up(2);
    views(2, {.version = 3, .min_peers = 2}, 5);
    EXPECT_EQ(known_version(2), 0U);
    EXPECT_FALSE(dials(server(3).address));
    views(2, exchanging(8), 1);
    EXPECT_EQ(known_version(2), 8U);
    views(2, {.version = 3, .min_peers = 2}, 8);
    EXPECT_EQ(known_version(2), 8U) << "an old one that came late";
}

TEST_F(MadeUpView, OfTheSameVersionAsATrueOneIsGivenUpToo) {
    view(1, {.version = 5, .round = 70, .min_peers = 2});
    for (const std::uint64_t other : {2U, 3U}) {
        up(other);
        views(other, exchanging(5), 12);
    }
    EXPECT_TRUE(dials(partner));
}

TEST_F(MadeUpView, AModelThatNobodyHasIsGivenUp) {
    view(1, committed(no_later_one, 9, false));
    EXPECT_TRUE(dials(partner)) << "it is to be fetched";
    for (const std::uint64_t other : {2U, 3U}) {
        up(other);
        views(other, committed(5, 0, false), 12);
    }
    ASSERT_FALSE(sl.stopped);
    sl.step(PeerUp{{"sl2"}, Role::sl, partner});
    const auto* fetch = sl.last<FetchSegments>({"sl2"});
    ASSERT_NE(fetch, nullptr);
    EXPECT_EQ(fetch->key.round, 0U);
}

TEST_F(MadeUpView, AModelThatNobodyHasIsNotFetchedIfALaterViewHasAnEarlierOne) {
    view(1, committed(4, 9, false));
    view(1, committed(5, 0, false));
    sl.step(PeerUp{{"sl2"}, Role::sl, partner});
    const auto* fetch = sl.last<FetchSegments>({"sl2"});
    ASSERT_NE(fetch, nullptr);
    EXPECT_EQ(fetch->key.round, 0U);
}

TEST_F(MadeUpView, OfTwoModelsOfARoundTheNewestIsFetched) {
    ContractView other = committed(5, 0, false);
    other.last_commit->digest.bytes[1] = std::byte{1};
    view(1, committed(4, 0, false));
    EXPECT_TRUE(begins_to_fetch(sl));
    view(1, other);
    EXPECT_TRUE(begins_to_fetch(sl));
    other.version = 6;
    view(1, other);
    EXPECT_FALSE(begins_to_fetch(sl));
}

TEST_F(MadeUpView, ARoundThatIsAwaitedForLongIsCheckedThoughViewsCome) {
    std::uint64_t version = 1;
    for (int second = 0; second < 25; ++second) {
        views(1, {.version = ++version, .min_peers = 2}, 1);
    }
    EXPECT_FALSE(dials(server(2).address));
    for (int second = 0; second < 10; ++second) {
        views(1, {.version = ++version, .min_peers = 2}, 1);
    }
    EXPECT_TRUE(dials(server(2).address));
}

TEST_F(MadeUpView, AnotherSnIsDialledIfOneIsInvalid) {
    ContractView twice = exchanging(5);
    twice.frozen = MemberList({{.id = {"sl2"}, .weight = 1}, {.id = {"sl2"}, .weight = 1}});
    view(1, twice);
    EXPECT_EQ(sl.dialled.back(), server(2).address);
}

TEST_F(MadeUpView, OnlyTwoSnsEndTheTrainingOfANodeThatHasNotFinished) {
    view(1, committed(5, 0, true));
    EXPECT_FALSE(dials(partner));
    EXPECT_EQ(sl.dialled.back(), server(2).address);
    up(2);
    view(2, committed(5, 0, true));
    EXPECT_TRUE(dials(partner)) << "the final model is fetched";
}

TEST_F(MadeUpView, AnotherSnDeniesThatTheTrainingHasEnded) {
    view(1, committed(5, 0, true));
    up(2);
    view(2, exchanging(5));
    EXPECT_TRUE(dials(partner));
    up(1);
    view(1, committed(6, 0, true));
    const auto* done = sl.last<SyncDone>({"ml1"});
    EXPECT_EQ(done, nullptr);
}

/// An SL with two SNs whose earlier start has stored the model of round 4.
class MadeUpRound : public testing::Test {
protected:
    static const inline Digest kept_model{{std::byte{7}}};

    static std::unique_ptr<Node> make() {
        SlNodeOptions options;
        options.id = {"sl1"};
        options.sn_addresses = {server(1).address, server(2).address};
        options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
        options.session = 7;
        options.kept = std::vector{KeptModel{{"c", 0, 4, 0}, kept_model, {Blob(Bytes(16))}}};
        return make_sl_node(options, openssl_hasher());
    }
    void answer(std::uint64_t number, std::uint64_t sequence, Errc code, starling::Run run = 0) {
        sl.frame(server(number).node, CommandResult{sequence, code, "", run, 7});
    }
    void sync(std::uint32_t number) {
        sl.frame({"ml1"}, SyncBegin{number, {}});
        sl.frame({"ml1"}, MlSegment{number, 0}, Blob(Bytes(16)));
    }
    /// SN 1 accepts the registration and the enrolment, and the program has parameters.
    void enrol() {
        sl.step(PeerUp{server(1).node, Role::sn, server(1).address});
        answer(1, 1, Errc::ok);
        sl.step(PeerUp{{"ml1"}, Role::ml, {}});
        sl.frame({"ml1"}, OpenSession{"c", tiny_contract(2), tiny_layout, EndMode::active});
        answer(1, 2, Errc::ok);
        sync(1);
    }
    /// SN 1 tells that this round was committed.
    void tell_commit(std::uint64_t version, Round round, Digest model) {
        ContractView view{.name = "c", .version = version, .round = round + 1, .min_peers = 2};
        view.last_commit =
            Commit{round, 0, model, MemberList({{.id = {"sl2"}, .address = {"b", 1}}}), false};
        sl.frame(server(1).node, ViewUpdate{view, {}, {}});
    }

    NodeBench sl{make()};
};

TEST_F(MadeUpRound, DoesNotGoOnWithTheModelOfAnotherRound) {
    enrol();
    tell_commit(9, 1000, kept_model);
    EXPECT_EQ(sl.last<SyncDone>({"ml1"}), nullptr);
}

TEST_F(MadeUpRound, GoesOnWithTheModelOfThatRound) {
    enrol();
    tell_commit(9, 4, kept_model);
    EXPECT_NE(sl.last<SyncDone>({"ml1"}), nullptr);
}

/// It had reported that model, and the round was not committed.
TEST_F(MadeUpRound, IsLeftForTheLastThatWasCommitted) {
    enrol();
    tell_commit(8, 4, kept_model);
    ASSERT_NE(sl.last<SyncDone>({"ml1"}), nullptr);
    sync(2);
    tell_commit(9, 3, Digest{{std::byte{9}}});
    sl.step(PeerUp{{"sl2"}, Role::sl, {"b", 1}});
    const auto* fetch = sl.last<FetchSegments>({"sl2"});
    ASSERT_NE(fetch, nullptr);
    EXPECT_EQ(fetch->key.round, 3U);
}

/// The others would wait for its contribution in vain, until it is excluded.
TEST_F(MadeUpRound, WhatTheProgramContributesIsKeptUntilTheTrueRoundIsKnownAgain) {
    enrol();
    tell_commit(8, 4, kept_model);
    sync(2);
    tell_commit(9, 3, Digest{{std::byte{9}}});
    ContractView view{.name = "c",
                      .version = 10,
                      .phase = ContractPhase::exchanging,
                      .round = 5,
                      .min_peers = 2,
                      .frozen = MemberList({{.id = {"sl1"}, .weight = 1},
                                            {.id = {"sl2"}, .address = {"b", 1}, .weight = 1}})};
    view.last_commit =
        Commit{4, 0, kept_model, MemberList({{.id = {"sl2"}, .address = {"b", 1}}}), false};
    sl.sent.clear();
    sl.frame(server(1).node, ViewUpdate{view, {}, {}});
    EXPECT_EQ(sl.last<SyncDone>({"ml1"}), nullptr) << "the program has that model";
    EXPECT_TRUE(reports(sl, "exchange_begin"));
}

TEST_F(MadeUpRound, AModelThatIsHereIsNotFetchedAgainOnceItsRoundIsKnownAgain) {
    enrol();
    answer(1, 3, Errc::ok);
    tell_commit(8, 4, kept_model);
    tell_commit(9, 3, Digest{{std::byte{9}}});
    tell_commit(10, 4, kept_model);
    EXPECT_FALSE(begins_to_fetch(sl));
    sync(2);
    const auto* sent = sl.last<SubmitCommand>(server(1).node);
    const auto* check_in = std::get_if<CheckInRound>(&sent->command);
    ASSERT_NE(check_in, nullptr);
    EXPECT_EQ(check_in->round, 5U);
}

/// The program has synced while the model of that round was fetched.
TEST_F(MadeUpRound, AModelThatIsNotFetchedAnyMoreIsFollowedByTheCheckIn) {
    enrol();
    answer(1, 3, Errc::ok);
    tell_commit(8, 4, kept_model);
    tell_commit(9, 1000, Digest{{std::byte{9}}});
    sync(1);
    sl.sent.clear();
    tell_commit(10, 4, kept_model);
    const auto* sent = sl.last<SubmitCommand>(server(1).node);
    ASSERT_NE(sent, nullptr);
    const auto* check_in = std::get_if<CheckInRound>(&sent->command);
    ASSERT_NE(check_in, nullptr);
    EXPECT_EQ(check_in->round, 5U);
}

TEST_F(MadeUpRound, AnotherModelOfThatRoundIsFetched) {
    enrol();
    tell_commit(8, 4, kept_model);
    sync(2);
    tell_commit(9, 3, Digest{{std::byte{9}}});
    tell_commit(10, 4, Digest{{std::byte{8}}});
    EXPECT_TRUE(begins_to_fetch(sl));
}

/// In a run that does not exist it would ignore all views of its own one, for ever.
TEST_F(MadeUpRound, ANodeThatComesBackToItsRunIsNotEnrolledInAnotherOne) {
    enrol();
    answer(1, 3, Errc::ok);
    tell_commit(8, 4, kept_model);
    ASSERT_NE(sl.last<SyncDone>({"ml1"}), nullptr);

    answer(1, 0, Errc::stale);  // its lease is over
    const auto* sent = sl.last<SubmitCommand>(server(1).node);
    ASSERT_TRUE(std::holds_alternative<RegisterNode>(sent->command));
    answer(1, sent->sequence, Errc::ok);
    sent = sl.last<SubmitCommand>(server(1).node);
    const auto* back = std::get_if<Enrol>(&sent->command);
    ASSERT_TRUE(back != nullptr && back->back_to == starling::Run{0});
    const std::uint64_t enrolment = sent->sequence;
    sl.dialled.clear();
    answer(1, enrolment, Errc::ok, 6);
    EXPECT_TRUE(std::ranges::count(sl.dialled, server(2).address) > 0) << "it does not believe it";
    sl.step(PeerUp{server(2).node, Role::sn, server(2).address});
    for (std::uint64_t sequence = 1; sequence <= enrolment; ++sequence) {
        answer(2, sequence, sequence == enrolment ? Errc::ok : Errc::stale);
    }
    const auto* beat = sl.last<Heartbeat>(server(2).node);
    ASSERT_NE(beat, nullptr);
    EXPECT_EQ(beat->contract, "c") << "it is in its run again";
    EXPECT_EQ(beat->run, 0U);
}

}  // namespace
}  // namespace starling::test
