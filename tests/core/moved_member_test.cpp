// A member goes from one SN to another, and the SN that leads still has its old connection.
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

class MovedMember : public testing::Test {
protected:
    MovedMember() {
        sn.step(PeerUp{{"sn9"}, Role::sn, {}});
        for (Author& member : members) {
            sn.step(PeerUp{member.id, Role::sl, {}});
            sn.frame(member.id, member.registration());
        }
        sn.pass(seconds(1));
        for (const Author& member : members) {
            heard_here(member);
        }
    }
    void heard_here(const Author& member) {
        Heartbeat beat;
        beat.session = member.session;
        sn.frame(member.id, beat);
    }
    void heard_elsewhere(Heartbeat beat = {}) {
        beat.session = members[0].session;
        sn.frame({"sn9"}, RelayedNews{members[0].id, true, beat});
    }
    /// The other member goes on sending its heartbeats here.
    void pass(int count) {
        for (int second = 0; second < count; ++second) {
            sn.pass(seconds(1));
            heard_here(members[1]);
        }
    }
    bool reports(const std::string& event) const {
        return std::any_of(sn.effects.begin(), sn.effects.end(), [&](const Effect& effect) {
            const auto* report = std::get_if<Report>(&effect);
            return report != nullptr && report->event.name == event;
        });
    }

    NodeBench sn{make_sn_node(sn_options(), openssl_hasher())};
    std::array<Author, 2> members{Author("sl1"), Author("sl2")};
};

/// In a large swarm the next heartbeat may come a minute later.
TEST_F(MovedMember, IsNotLostWhenTheOldConnectionBreaks) {
    const std::size_t records = sn.records.size();
    pass(1);
    heard_elsewhere();
    sn.step(PeerLost{members[0].id, "gone"});
    pass(6);
    EXPECT_EQ(sn.records.size(), records);
    pass(6);
    EXPECT_GT(sn.records.size(), records) << "its lease is over";
}

TEST_F(MovedMember, IsLostWhenItsConnectionBreaksLater) {
    const std::size_t records = sn.records.size();
    heard_elsewhere();
    pass(1);
    heard_here(members[0]);
    sn.step(PeerLost{members[0].id, "gone"});
    pass(4);
    EXPECT_GT(sn.records.size(), records);
}

TEST_F(MovedMember, IsNotLostWhenAConnectionBreaksThatItDoesNotUse) {
    pass(6);
    heard_elsewhere();
    const std::size_t records = sn.records.size();
    sn.step(PeerLost{members[0].id, "gone"});
    pass(15);  // after a pause of 6 s it has 12 s to return
    EXPECT_EQ(sn.records.size(), records);
    pass(40);
    EXPECT_GT(sn.records.size(), records) << "its lease is over";
}

/// A process that ends is noticed by both.
TEST_F(MovedMember, IsLostWhenBothConnectionsBreak) {
    for (const int silent : {1, 6}) {
        sn.step(PeerUp{members[0].id, Role::sl, {}});
        sn.frame(members[0].id, members[0].registration());
        heard_here(members[0]);
        pass(silent);
        heard_elsewhere();
        Heartbeat last;
        last.session = members[0].session;
        sn.frame({"sn9"}, RelayedNews{members[0].id, false, last});
        const std::size_t records = sn.records.size();
        sn.step(PeerLost{members[0].id, "gone"});
        pass(15);
        EXPECT_GT(sn.records.size(), records) << silent;
    }
}

/// Commands are sent to all SNs that are connected.
TEST_F(MovedMember, IsNotBackWhenItSendsACommandHere) {
    pass(6);
    heard_elsewhere();
    sn.frame(members[0].id, members[0].submit(Enrol{"c", tiny_contract(2), tiny_layout, {}}));
    const std::size_t records = sn.records.size();
    sn.step(PeerLost{members[0].id, "gone"});
    pass(15);
    EXPECT_EQ(sn.records.size(), records);
}

/// The time in which it is not believed to be elsewhere is no pause of its link.
TEST_F(MovedMember, HasNoLongerLease) {
    const std::size_t records = sn.records.size();
    for (int second = 0; second < 10; ++second) {
        pass(1);
        heard_elsewhere();
    }
    EXPECT_EQ(sn.records.size(), records);
    pass(12);
    EXPECT_GT(sn.records.size(), records);
}

/// Half a lease has minutes in a large swarm, and the round waits for the report.
TEST_F(MovedMember, ItsReportCountsAtOnce) {
    for (Author& member : members) {
        sn.frame(member.id, member.submit(Enrol{"c", tiny_contract(2), tiny_layout, {}}));
    }
    CheckIn metrics;
    metrics.weight = 1;
    for (Author& member : members) {
        sn.frame(member.id, member.submit(CheckInRound{"c", 0, 0, metrics}));
    }
    Heartbeat beat{.contract = "c"};
    MergeReport report;
    report.digest.bytes[0] = std::byte{7};
    beat.report = report;
    heard_elsewhere(beat);
    EXPECT_FALSE(reports("merge_reported")) << "it is not signed";
    report.signature = members[0].signer->sign(
        report_text(members[0].id, "c", 0, 0, 0, report.digest, report.durable));
    beat.report = report;
    heard_elsewhere(beat);
    EXPECT_TRUE(reports("merge_reported"));
}

}  // namespace
}  // namespace starling::test
