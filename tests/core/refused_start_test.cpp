// Refusals of an SL's registration or enrolment by SNs that may lie.
#include <algorithm>

#include "core/sl/sl_node.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

class RefusedStart : public testing::Test {
protected:
    static std::unique_ptr<Node> make(std::uint64_t sns) {
        SlNodeOptions options;
        options.id = {"sl1"};
        for (std::uint64_t number = 1; number <= sns; ++number) {
            options.sn_addresses.push_back(server(number).address);
        }
        options.exchange_address = {"10.0.0.1", 16000};
        options.signer = make_memory_signer(openssl_hasher(), options.id, 1);
        return make_sl_node(options, openssl_hasher());
    }
    void up(std::uint64_t number) {
        sl.sent.clear();
        sl.step(PeerUp{server(number).node, Role::sn, server(number).address});
    }
    void answer(std::uint64_t number, std::uint64_t sequence, Errc code) {
        const NodeId id = server(number).node;
        sl.frame(id, CommandResult{sequence, code, "said by " + id.name, 0, 0});
    }
    /// So much of it that the SL sends its next heartbeat.
    void pass_a_heartbeat(std::uint64_t number) {
        answer(number, 0, Errc::ok);
        sl.sent.clear();
        sl.pass(seconds(1));
    }
    /// Numbers of the commands that the SN was sent.
    std::vector<std::uint64_t> commands(std::uint64_t number) const {
        std::vector<std::uint64_t> numbers;
        for (const Send& send : sl.sent) {
            const auto* submit = std::get_if<SubmitCommand>(&send.frame.message);
            if (submit != nullptr && send.to == server(number).node) {
                numbers.push_back(submit->sequence);
            }
        }
        return numbers;
    }
    /// SN 1 accepts the registration, or says so, and refuses the enrolment.
    void enrol_in_vain(Errc code) {
        up(1);
        answer(1, 1, Errc::ok);
        sl.step(PeerUp{{"ml1"}, Role::ml, {}});
        sl.frame({"ml1"}, OpenSession{"c", tiny_contract(2), tiny_layout, EndMode::active});
        ASSERT_EQ(commands(1), (Numbers{1, 2}));
        answer(1, 2, code);
        EXPECT_FALSE(sl.stopped);
        up(2);
    }

    using Numbers = std::vector<std::uint64_t>;
    NodeBench sl{make(3)};
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
    answer(1, 1, Errc::too_large);
    up(2);
    answer(2, 1, Errc::refused);
    ASSERT_TRUE(sl.stopped);
    EXPECT_EQ(sl.stopped->exit_code, exit_code::refused);
    EXPECT_EQ(sl.stopped->reason, "said by sn2");
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
    EXPECT_EQ(commands(2), (Numbers{1, 2})) << "SN 1 may not have sent the registration on";
    answer(2, 2, Errc::refused);
    EXPECT_FALSE(sl.stopped) << "the leader had not applied the registration yet";
    pass_a_heartbeat(2);
    EXPECT_EQ(commands(2), Numbers{2});
    answer(2, 2, Errc::ok);
    EXPECT_NE(sl.last<SessionOpened>({"ml1"}), nullptr);
}

TEST_F(RefusedStart, ASecondSnThatRefusesAnEnrolmentTwiceEndsTheSl) {
    enrol_in_vain(Errc::refused);
    answer(2, 2, Errc::refused);
    pass_a_heartbeat(2);
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
