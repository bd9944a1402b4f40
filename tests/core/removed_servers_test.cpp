// Which SNs no longer keep the ledger, and what they are told when they return.
#include "core/sn/removed_servers.hpp"

#include <gtest/gtest.h>

#include "core/ledger/membership.hpp"
#include "tests/support/node_bench.hpp"

namespace starling::test {
namespace {

using std::chrono::seconds;

const SwarmTime first_start = from_ns(1'000'000'000);

/// SN 3 of three was removed with record 5.
class RemovedServersTest : public testing::Test {
protected:
    RemovedServersTest() {
        apply(1, {server(1), server(2), server(3)});
        apply(5, {server(1), server(2)});
    }
    void apply(std::uint64_t index, const std::vector<Server>& servers) {
        removed_.history().apply_membership(
            {index, 1, RecordKind::membership, encode_membership(servers)});
    }
    /// The entry of SN 1 that records why.
    void apply_removal(bool rebuilt) {
        const RemoveServers removal{{NodeId{"sn3"}}, rebuilt ? "sn1" : "swci1", rebuilt, 5, 7};
        removed_.history().apply_removal({0, {"sn1"}, 0, 0, removal, {}}, removal,
                                         {{NodeId{"sn1"}, RegisteredNode{}}});
    }
    bool is_in_text(const std::string& part) const {
        return removed_.text_for(3).find(part) != std::string::npos;
    }

    RemovedServers removed_;
};

TEST_F(RemovedServersTest, AServerIsRemovedUntilItsNumberIsAddedAgain) {
    EXPECT_TRUE(removed_.contains(3));
    EXPECT_FALSE(removed_.contains(2));
    EXPECT_FALSE(removed_.applied({"sn3"}));
    ASSERT_NE(removed_.find({"sn3"}), nullptr);
    EXPECT_EQ(removed_.find({"sn3"})->index, 5U);
    EXPECT_EQ(removed_.find({"sn2"}), nullptr);
    apply(6, {server(1), server(2), server(3)});
    EXPECT_FALSE(removed_.contains(3));
    EXPECT_TRUE(removed_.applied({"sn3"}));
}

TEST_F(RemovedServersTest, TheTextNamesTheEntryAndWhoRequestedTheRemoval) {
    EXPECT_TRUE(is_in_text("removed with entry 5."));
    apply_removal(false);
    EXPECT_TRUE(is_in_text("removed with entry 5, as requested by 'swci1'"));
    EXPECT_FALSE(removed_.find({"sn3"})->rebuilt) << "only a rebuild needs a proof";
}

TEST_F(RemovedServersTest, ARebuildIsExplainedAndProven) {
    apply_removal(true);
    EXPECT_TRUE(is_in_text("SN 'sn1' continued without it from entry 5"));
    EXPECT_TRUE(removed_.find({"sn3"})->rebuilt);
}

TEST_F(RemovedServersTest, AServerIsNotifiedOnceUnderItsOwnName) {
    bool first = false;
    EXPECT_EQ(removed_.mark_notified(3, {"sn3"}, first).index, 5U);
    EXPECT_TRUE(first);
    removed_.mark_notified(3, {"sn3"}, first);
    EXPECT_FALSE(first);
    apply(6, {server(1)});
    removed_.mark_notified(2, {"stranger"}, first);
    EXPECT_FALSE(first);
}

TEST_F(RemovedServersTest, ThoseThatARebuildLeftBehindAreReturnedEveryFiveSecondsUntilNotified) {
    EXPECT_TRUE(removed_.left_behind(first_start).empty()) << "an ordinary removal";
    apply_removal(true);
    EXPECT_TRUE(removed_.left_behind(first_start + seconds(4)).empty());
    ASSERT_EQ(removed_.left_behind(first_start + seconds(5)).size(), 1U);
    EXPECT_TRUE(removed_.left_behind(first_start + seconds(9)).empty());
    EXPECT_EQ(removed_.left_behind(first_start + seconds(10)).at(0).node, NodeId{"sn3"});
    bool first = false;
    removed_.mark_notified(3, {"sn3"}, first);
    EXPECT_TRUE(removed_.left_behind(first_start + seconds(15)).empty());
}

}  // namespace
}  // namespace starling::test
