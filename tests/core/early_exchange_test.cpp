// Members that exchange while the ledger still gathers check-ins: what they have begun counts if
// the ledger freezes the members that they expected, and never otherwise.
#include "core/sl/early_exchange.hpp"

#include "core/sl/kept_contributions.hpp"
#include "core/sl/round_exchange.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RoundMember member(const std::string& name, std::uint64_t check_in_index = 1) {
    return {
        .id = {name}, .address = {}, .check_in_index = check_in_index, .site = "", .session = 7};
}

/// Gathers round 5 after round 4 of sl1 and sl2.
ContractView gathering() {
    ContractView view;
    view.round = 5;
    view.last_commit = Commit{4, 0, {}, {member("sl1"), member("sl2")}, false};
    view.all_stayed = true;
    return view;
}

bool is_expected(const ContractView& view, const ContractConfig& config = {},
                 const CheckIn& check_in = {}, std::uint64_t session = 7) {
    return expected_members(view, config, {"sl1"}, session, check_in).has_value();
}

TEST(EarlyExchange, ExpectsTheMembersOfTheRoundBefore) {
    const auto members = expected_members(gathering(), {}, {"sl1"}, 7, {});
    ASSERT_TRUE(members);
    EXPECT_EQ(*members, gathering().last_commit->members);
}

TEST(EarlyExchange, ExpectsNothingInARepeatedAttemptOrWithoutARoundBefore) {
    ContractView view = gathering();
    view.attempt = 1;
    EXPECT_FALSE(is_expected(view));
    view = gathering();
    view.last_commit->round = 3;
    EXPECT_FALSE(is_expected(view));
    view.last_commit.reset();
    EXPECT_FALSE(is_expected(view));
}

TEST(EarlyExchange, ExpectsNothingOnceAMemberHasLeft) {
    ContractView view = gathering();
    view.all_stayed = false;
    EXPECT_FALSE(is_expected(view));
}

TEST(EarlyExchange, ExpectsNothingOnceAnotherMemberHasCheckedIn) {
    ContractView view = gathering();
    view.holders = {member("sl3")};
    EXPECT_FALSE(is_expected(view));
}

TEST(EarlyExchange, ExpectsNothingIfThisNodeContributesOtherwiseThanLastTime) {
    CheckIn heavier;
    heavier.weight = 2;
    EXPECT_FALSE(is_expected(gathering(), {}, heavier));
    CheckIn not_finite;
    not_finite.non_finite = true;
    EXPECT_FALSE(is_expected(gathering(), {}, not_finite));
    ContractConfig allows;
    allows.non_finite = NonFinitePolicy::allow;
    EXPECT_TRUE(is_expected(gathering(), allows, not_finite));
    EXPECT_FALSE(is_expected(gathering(), {}, {}, 8)) << "another start of it took part";
    EXPECT_FALSE(expected_members(gathering(), {}, {"sl3"}, 7, {}));
}

TEST(EarlyExchange, ExpectsNothingIfTheFirstToCheckInAreFrozen) {
    ContractConfig one_of_two;
    one_of_two.min_peers = 1;
    EXPECT_FALSE(is_expected(gathering(), one_of_two));
    one_of_two.grace_ns = 1;
    EXPECT_TRUE(is_expected(gathering(), one_of_two));
}

TEST(EarlyExchange, ExpectsNothingOfAListWithoutWeightOrOwners) {
    ContractView view = gathering();
    const MemberList& list = view.last_commit->members;
    std::vector<RoundMember> members(list.begin(), list.end());
    members[0].merges = members[1].merges = false;
    view.last_commit->members = members;
    EXPECT_FALSE(is_expected(view));
    members[0].merges = true;
    members[0].weight = members[1].weight = 0;
    view.last_commit->members = members;
    CheckIn without_weight;
    without_weight.weight = 0;
    EXPECT_FALSE(is_expected(view, {}, without_weight));
}

TEST(EarlyExchange, ContributionsAreKeptForTheCheckInsThatFollow) {
    KeptContributions kept;
    const Blob body(Bytes(8));
    for (const char* name : {"sl1", "sl2", "sl3"}) {
        kept.keep(member(name, 1), 0, body, 8);
    }
    RoundMember restarted = member("sl3", 9);
    restarted.session = 8;
    kept.renumber({member("sl1", 1), member("sl2", 1), member("sl3", 1)},
                  {member("sl1", 6), restarted});
    EXPECT_TRUE(kept.find(member("sl1", 6), 0));
    EXPECT_FALSE(kept.find(member("sl1", 1), 0));
    EXPECT_FALSE(kept.find(member("sl2", 6), 0));
    EXPECT_FALSE(kept.find(restarted, 0)) << "of an earlier start";
}

/// Round 5 of sl1 and sl2, as sl1 has begun it early.
class BegunEarly : public testing::Test {
protected:
    BegunEarly() {
        ExchangeSetup setup;
        setup.self = {"sl1"};
        setup.key = key;
        setup.members = gathering().last_commit->members;
        setup.early = true;
        setup.frozen = false;
        setup.layout = std::make_shared<const ParamLayout>(*ParamLayout::parse("w F32 4\n"));
        setup.method = *parse_merge_method("mean");
        round.begin(SwarmTime{}, {.values = cut(Blob(Bytes(16))), .reference = {}},
                    std::move(setup), {}, out);
    }
    static ContractView frozen() {
        ContractView view = gathering();
        view.phase = ContractPhase::exchanging;
        view.frozen = {member("sl1", 6), member("sl2", 7)};
        return view;
    }
    bool goes_on(const ContractView& view) { return round.freeze(SwarmTime{}, key, view, out); }

    const RoundKey key{"c", 0, 5, 0};
    SharedRounds shared;
    RoundExchange round{
        {"sl1"}, 1, make_memory_signer(openssl_hasher(), {"sl1"}, 1), shared, openssl_hasher()};
    std::vector<Effect> effects;
    Outbox out{effects};
};

TEST_F(BegunEarly, GoesOnIfTheMembersOfTheRoundBeforeAreFrozen) {
    EXPECT_TRUE(goes_on(frozen()));
    EXPECT_TRUE(round.is_on(key));
}

/// Members that did not begin early derive another key from such views.
TEST_F(BegunEarly, DoesNotGoOnWithoutTheEarlyKey) {
    ContractView view = frozen();
    view.last_commit.reset();
    EXPECT_FALSE(goes_on(view));
    view = frozen();
    view.last_commit->round = 3;
    EXPECT_FALSE(goes_on(view));
    view = frozen();
    view.last_commit->members = {member("sl1"), member("sl3")};
    EXPECT_FALSE(goes_on(view));
    view = frozen();
    view.departed = {{"sl3"}};
    EXPECT_FALSE(goes_on(view));
    EXPECT_FALSE(round.is_on(key));
}

class EarlySwarm : public testing::Test {
protected:
    void add_pairs(int count, const ToyOptions& toy) {
        for (int i = 1; i <= count; ++i) {
            swarm.add_pair(i, toy);
        }
    }
    /// The rounds that `node` has begun early.
    std::set<std::string> early_rounds(const std::string& node) const {
        std::set<std::string> rounds;
        for (const auto& line : swarm.trace.named("exchange_early", node)) {
            rounds.insert(field(line, "round"));
        }
        return rounds;
    }
    MemorySwarm swarm{5};
};

TEST_F(EarlySwarm, EveryRoundButTheFirstBeginsBeforeItIsFrozen) {
    add_pairs(3, {.min_peers = 3, .syncs = 3});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    for (const char* node : {"sl1", "sl2", "sl3"}) {
        EXPECT_EQ(early_rounds(node), (std::set<std::string>{"1", "2", "3", "4"})) << node;
        EXPECT_EQ(swarm.trace.named("exchange_begin", node).size(), 5U) << node;
    }
    EXPECT_EQ(swarm.trace.named("round_frozen").size(), 5U);
}

TEST_F(EarlySwarm, NothingIsReportedBeforeTheRoundIsFrozen) {
    add_pairs(2, {.syncs = 30, .batch_time = milliseconds(20)});
    ASSERT_TRUE(swarm.run_to_round(3));
    ASSERT_TRUE(swarm.network.run(
        [&] { return early_rounds("sl1").contains("4") && early_rounds("sl2").contains("4"); },
        swarm.network.now() + seconds(10)));
    swarm.network.crash({"sn1"});
    swarm.run_for(seconds(2));
    for (const auto& done : swarm.trace.named("exchange_done")) {
        EXPECT_NE(field(done, "round"), "4");
    }
    swarm.network.restart({"sn1"});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

TEST_F(EarlySwarm, WhatBeganWithALostMemberIsGivenUp) {
    add_pairs(3, {.elements = 100'000, .syncs = 30, .batch_time = milliseconds(20)});
    ASSERT_TRUE(swarm.run_to_round(3));
    swarm.crash_pair(3);
    ASSERT_TRUE(swarm.run_to_round(6)) << swarm.trace.tail();
    const auto early = swarm.trace.named("exchange_early", "sl1");
    const auto begun = swarm.trace.named("exchange_begin", "sl1");
    const auto last_with_three = [](const std::vector<TraceRecorder::Line>& lines) {
        int round = -1;
        for (const auto& line : lines) {
            round = field(line, "members") == "3" ? std::stoi(field(line, "round")) : round;
        }
        return round;
    };
    EXPECT_EQ(last_with_three(early), last_with_three(begun) + 1);
    swarm.restart_pair(3);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

TEST_F(EarlySwarm, AMemberWhoseParametersAreRefusedDoesNotBeginEarly) {
    swarm.add_pair(1, {.syncs = 4});
    swarm.add_pair(2, {.syncs = 4, .broken = {{2, std::nanf("")}}});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    ASSERT_EQ(swarm.trace.named("own_parameters_not_finite", "sl2").size(), 1U);
    const std::string round =
        field(swarm.trace.named("own_parameters_not_finite", "sl2").front(), "round");
    EXPECT_TRUE(early_rounds("sl1").contains(round));
    EXPECT_FALSE(early_rounds("sl2").contains(round));
}

}  // namespace
}  // namespace starling::test
