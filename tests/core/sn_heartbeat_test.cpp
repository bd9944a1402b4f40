// What an SN answers to an SL's heartbeat.
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

/// A member that was away learns it by no view: views are of the newest run.
TEST(SnHeartbeat, SaysThatAnotherRunHasFollowed) {
    NodeBench sn{make_sn_node(sn_options(), openssl_hasher())};
    std::array<Author, 2> members{Author("sl1"), Author("sl2")};
    for (Author& member : members) {
        sn.step(PeerUp{member.id, Role::sl, {}});
        sn.frame(member.id, member.registration());
        sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(2), tiny_layout, {}}));
    }
    const auto heartbeat = [&] {
        Heartbeat beat;
        beat.session = members[0].session;
        beat.contract = "c";
        sn.frame(members[0].id, beat);
        return sn.last<CommandResult>(members[0].id)->code;
    };
    EXPECT_EQ(heartbeat(), Errc::ok);
    for (Author& member : members) {
        sn.frame(member.id, member.submit(LeaveContract{"c", 0, "done"}));
    }
    sn.frame(members[1].id, members[1].submit(Enrol{"c", tiny_contract(2), tiny_layout, {}}));
    ASSERT_EQ(sn.last<CommandResult>(members[1].id)->run, 1U);
    EXPECT_EQ(heartbeat(), Errc::aborted);
}

}  // namespace
}  // namespace starling::test
