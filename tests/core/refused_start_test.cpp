// Refusals of an SL's registration or enrolment by SNs that may lie.
#include <algorithm>

#include "tests/support/sl_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

class RefusedStart : public SlBench {
protected:
    /// SN 1 accepts the registration, or says so, and refuses the enrolment.
    void enrol_in_vain(Errc code) {
        up(1);
        answer(1, 1, Errc::ok);
        open_session();
        ASSERT_EQ(commands(1), (Numbers{1, 2}));
        answer(1, 2, code);
        EXPECT_FALSE(sl.stopped);
        up(2);
        EXPECT_EQ(commands(2), Numbers{1}) << "SN 1 may not have sent the registration on";
        answer(2, 1, Errc::ok);
        EXPECT_EQ(commands(2), (Numbers{1, 2}));
    }
};

TEST_F(RefusedStart, AnotherSnIsAsked) {
    up(1);
    answer(1, 1, Errc::refused);
    EXPECT_FALSE(sl.stopped);
    EXPECT_EQ(sl.dialled.back(), server(2).address);
    up(2);
    EXPECT_EQ(commands(2), Numbers{1});
    answer(2, 1, Errc::ok);
    const std::size_t dials = sl.dialled.size();
    for (int second = 0; second < 10; ++second) {
        pass_a_heartbeat(2);
        EXPECT_EQ(commands(2), Numbers{}) << "it is answered";
    }
    EXPECT_EQ(sl.dialled.size(), dials);
    EXPECT_FALSE(sl.stopped);
}

TEST_F(RefusedStart, ASecondSnThatRefusesEndsTheSl) {
    up(1);
    answer(1, 1, Errc::refused);
    up(2);
    answer(2, 1, Errc::refused);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->exit_code, exit_code::refused);
    EXPECT_EQ(sl.stopped->reason, "said by sn2");
}

/// One of the two lies, or both mean something else: the third one decides.
TEST_F(RefusedStart, TwoSnsThatRefuseForDifferentReasonsDoNotEndTheSl) {
    up(1);
    answer(1, 1, Errc::stale);
    up(2);
    answer(2, 1, Errc::layout_mismatch);
    EXPECT_FALSE(sl.stopped);
    EXPECT_EQ(sl.dialled.back(), server(3).address);
    up(3);
    answer(3, 1, Errc::stale);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->reason, "said by sn3");
}

TEST_F(RefusedStart, TheOnlySnIsBelieved) {
    sl = NodeBench(make(1));
    up(1);
    answer(1, 1, Errc::refused);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->exit_code, exit_code::refused);
}

TEST_F(RefusedStart, TheOnlySnThatCanBeReachedIsBelievedAfterTheLimit) {
    up(1);
    answer(1, 1, Errc::refused);
    for (int second = 1; second < 60; ++second) {
        pass_a_heartbeat(1);
        ASSERT_EQ(commands(1), Numbers{1});
        sl.step(ConnectFailed{sl.dialled.back(), {Errc::unreachable, "no route"}, false});
        answer(1, 1, Errc::refused);
        ASSERT_FALSE(sl.stopped) << second;
    }
    for (const std::uint64_t other : {2U, 3U}) {
        EXPECT_GT(std::ranges::count(sl.dialled, server(other).address), 5) << "each has its turns";
    }
    pass_a_heartbeat(1);
    answer(1, 1, Errc::refused);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->reason, "said by sn1");
}

TEST_F(RefusedStart, ARefusedEnrolmentIsRepeatedAfterTheCommandsBeforeIt) {
    enrol_in_vain(Errc::layout_mismatch);
    answer(2, 2, Errc::ok);
    EXPECT_NE(sl.last<SessionOpened>({"ml1"}), nullptr);
}

TEST_F(RefusedStart, ASecondSnThatRefusesTheEnrolmentEndsTheSl) {
    enrol_in_vain(Errc::refused);
    answer(2, 2, Errc::refused);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->exit_code, exit_code::refused);
}

TEST_F(RefusedStart, ALayoutThatTwoSnsRefuseEndsTheSlAtOnce) {
    enrol_in_vain(Errc::layout_mismatch);
    answer(2, 2, Errc::layout_mismatch);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->exit_code, exit_code_of(Errc::layout_mismatch));
    const auto* told = sl.last<SessionFailed>({"ml1"});
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->code, Errc::layout_mismatch);
}

}  // namespace
}  // namespace starling::test
