// An SL's knowledge of its run: which views are accepted, and when its check-in is resent.
#include "core/sl/run_membership.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

class RunMembershipTest : public testing::Test {
protected:
    void SetUp() override {
        run.set_contract("c");
        run.on_enrolled(2);
    }
    static ContractView view(std::uint64_t version, Attempt attempt = 0) {
        ContractView view;
        view.name = "c";
        view.run = 2;
        view.version = version;
        view.attempt = attempt;
        return view;
    }

    RunMembership run{std::make_shared<SharedRounds>()};
};

TEST_F(RunMembershipTest, AcceptsOnlyLaterViewsOfItsOwnRun) {
    run.take(view(5));
    EXPECT_FALSE(run.is_news(view(5)));
    EXPECT_TRUE(run.is_news(view(6)));
    ContractView other = view(6);
    other.run = 3;
    EXPECT_FALSE(run.is_news(other));
    other = view(6);
    other.name = "d";
    EXPECT_FALSE(run.is_news(other));
}

TEST_F(RunMembershipTest, MembersShareTheirCopyOfAView) {
    const auto shared = std::make_shared<SharedRounds>();
    const auto taken = shared->copy_of(view(5));
    EXPECT_EQ(shared->copy_of(view(5)), taken);
    EXPECT_NE(shared->copy_of(view(5, 1)), taken);
    ContractView committed = view(5);
    committed.last_commit = Commit{};
    const auto with_commit = shared->copy_of(committed);
    EXPECT_NE(with_commit, taken);
    committed.last_commit->digest.bytes[0] = std::byte{1};
    EXPECT_NE(shared->copy_of(committed), with_commit);
    EXPECT_EQ(*shared->copy_of(committed), committed);
}

TEST_F(RunMembershipTest, AfterALostLeaseAcceptsAnyViewOnceEnrolledAgain) {
    run.take(view(5));
    run.on_expired();
    EXPECT_FALSE(run.is_news(view(6)));
    run.on_enrolled(2);
    EXPECT_TRUE(run.is_news(view(4)));
}

TEST_F(RunMembershipTest, ACheckInIsResentForALaterAttempt) {
    run.take(view(5));
    run.on_check_in({});
    EXPECT_FALSE(run.check_in_is_outdated());
    run.take(view(6, 1));
    EXPECT_TRUE(run.check_in_is_outdated());
    run.on_check_in({});
    EXPECT_FALSE(run.check_in_is_outdated());
}

TEST_F(RunMembershipTest, ARefusedCheckInIsResentWhileTheRoundGathers) {
    run.take(view(5));
    run.on_check_in({});
    run.on_check_in_answered(SwarmTime{}, false);
    EXPECT_TRUE(run.check_in_is_outdated());
    ContractView exchanging = view(6);
    exchanging.phase = ContractPhase::exchanging;
    run.take(exchanging);
    EXPECT_FALSE(run.check_in_is_outdated());
}

TEST_F(RunMembershipTest, RemembersTheMembersOfEarlierRounds) {
    ContractView frozen = view(5);
    frozen.frozen = {{.id = {"sl1"}}, {.id = {"sl2"}}};
    run.take(frozen);
    EXPECT_TRUE(run.someone_is_not_in({{.id = {"sl1"}}}));
    EXPECT_FALSE(run.someone_is_not_in({{.id = {"sl1"}}, {.id = {"sl2"}}}));
}

TEST_F(RunMembershipTest, AnAttemptIsOfTheStartThatCheckedIn) {
    ContractView frozen = view(5);
    frozen.frozen = {{.id = {"sl1"}, .session = 7}, {.id = {"sl2"}}};
    run.take(frozen);
    EXPECT_TRUE(run.is_frozen_with({"sl1"}, 7));
    EXPECT_FALSE(run.is_frozen_with({"sl1"}, 6)) << "an earlier start, or a copy of the workspace";
    EXPECT_TRUE(run.is_frozen_with({"sl2"}, 6)) << "unknown";
    EXPECT_FALSE(run.is_frozen_with({"sl3"}, 6));
}

}  // namespace
}  // namespace starling
