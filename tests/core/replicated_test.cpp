// Several SNs keep one ledger: they fail and restart while a swarm trains.
#include "core/ledger/audit.hpp"
#include "core/sn/original_check.hpp"
#include "core/sn/rebuild.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Servers {
    int count = 3;
    /// Records between two snapshots of an SN, which keeps none in memory that it has applied; 0:
    /// it makes none.
    std::uint64_t snapshot_interval = 0;
};

class Replicated : public testing::TestWithParam<Servers> {
protected:
    Replicated() {
        for (int i = 1; i <= 3; ++i) {
            swarm.add_pair(
                i,
                {.elements = 50'000, .min_peers = 3, .syncs = 40, .batch_time = milliseconds(20)});
        }
    }
    void run_to_round(int round) { ASSERT_TRUE(swarm.run_to_round(round)) << "round " << round; }
    void run_for(SwarmDuration duration) { swarm.run_for(duration); }
    void expect_good_end() {
        ASSERT_TRUE(swarm.run()) << "led by " << swarm.leader();
        swarm.expect_one_final_model();
        swarm.expect_one_ledger();
    }
    NodeId leader() const { return {swarm.leader()}; }
    NodeId follower() const { return leader().name == "sn1" ? NodeId{"sn2"} : NodeId{"sn1"}; }

    MemorySwarm swarm{7, {}, GetParam().count, GetParam().snapshot_interval};
};

TEST_P(Replicated, SnsJoinAndAgree) {
    expect_good_end();
    std::set<std::string> readers;
    for (const auto& applied : swarm.trace.named("entry_applied")) {
        readers.insert(applied.node.name);
    }
    EXPECT_EQ(readers.size(), static_cast<std::size_t>(GetParam().count));
}

TEST_P(Replicated, TheLeaderIsKilledAndAnotherLeads) {
    run_to_round(5);
    const NodeId first = leader();
    swarm.network.crash(first);
    expect_good_end();
    EXPECT_NE(leader(), first);
}

TEST_P(Replicated, ARestartedLeaderCatchesUp) {
    run_to_round(5);
    const NodeId first = leader();
    swarm.network.crash(first);
    run_to_round(9);
    swarm.network.restart(first);
    expect_good_end();
    run_for(seconds(3));
    swarm.expect_one_ledger();
    EXPECT_EQ(swarm.sn_stores[0]->log().records.size(), swarm.sn_stores[1]->log().records.size());
}

TEST_P(Replicated, AFollowerIsKilledAndItsMembersConnectToTheNext) {
    run_to_round(5);
    swarm.network.crash(follower());
    expect_good_end();
}

TEST_P(Replicated, AllAreKilledAndRestarted) {
    run_to_round(5);
    for (const NodeId& sn : swarm.sns) {
        swarm.network.crash(sn);
    }
    run_for(seconds(3));
    for (const NodeId& sn : swarm.sns) {
        swarm.network.restart(sn);
    }
    expect_good_end();
}

TEST_P(Replicated, APartitionedLeaderCommitsNothing) {
    run_to_round(5);
    swarm.network.partition({leader()});
    run_for(seconds(6));
    swarm.network.heal();
    expect_good_end();
}

TEST_P(Replicated, AnSnWithALostDiskJoinsAsANewServer) {
    run_to_round(5);
    const NodeId gone{"sn3"};
    swarm.network.crash(gone);
    *swarm.sn_stores[2] = MemoryStore{};
    run_to_round(7);
    swarm.network.restart(gone);
    expect_good_end();
    run_for(seconds(3));
    EXPECT_EQ(swarm.sn_stores[0]->log().records, swarm.sn_stores[2]->log().records);
}

/// Otherwise the member would resend it with a heartbeat, up to a second later.
TEST(ReplicatedCommands, PendingCommandsAreForwardedToANewLeaderAtOnce) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        MemorySwarm swarm(seed, {}, 3);
        for (int i = 1; i <= 3; ++i) {
            swarm.add_pair(i, {.min_peers = 3, .syncs = 40, .batch_time = milliseconds(20)});
        }
        ASSERT_TRUE(swarm.run_to_round(5));
        const std::string leader = swarm.leader();
        // connected to sn3 or sn2, which are followers
        const std::string member = leader == "sn2" ? "sl2" : "sl1";
        const auto run_until = [&](const std::string& event, const std::string& node) {
            const std::size_t before = swarm.trace.named(event, node).size();
            return swarm.network.run([&] { return swarm.trace.named(event, node).size() > before; },
                                     swarm.network.now() + seconds(30));
        };
        ASSERT_TRUE(run_until("command_sent", member));
        swarm.network.crash({leader});
        ASSERT_TRUE(run_until("leader_elected", ""));
        const SwarmTime elected = swarm.trace.named("leader_elected").back().time;
        ASSERT_TRUE(run_until("command_answered", member));
        EXPECT_LT(swarm.network.now() - elected, milliseconds(100)) << "seed " << seed;
        ASSERT_TRUE(swarm.run());
        swarm.expect_one_final_model();
    }
}

TEST(ReplicatedDeadlines, TheEndOfAGracePeriodIsReplicated) {
    MemorySwarm swarm{7, {}, 3};
    ToyOptions toy{.elements = 10'000, .syncs = 10, .batch_time = milliseconds(5)};
    toy.grace = milliseconds(200);
    swarm.add_pair(1, toy);
    swarm.add_pair(2, toy);
    toy.batch_time = milliseconds(50);  // never in time
    swarm.add_pair(3, toy);
    ASSERT_TRUE(swarm.run());
    swarm.expect_one_final_model();
    swarm.expect_one_ledger();
}

TEST_P(Replicated, SnsThatLeaveForGoodNoLongerCountForTheMajority) {
    run_to_round(5);
    // Two of five leave. If those two were dead instead, a third failure would stop the ledger.
    const std::vector<NodeId> gone = GetParam().count == 5 ? std::vector<NodeId>{{"sn3"}, {"sn4"}}
                                                           : std::vector<NodeId>{{"sn3"}};
    for (const NodeId& node : gone) {
        swarm.next_start.leaving.insert(node.name);
        swarm.network.restart(node);
        ASSERT_TRUE(swarm.network.run([&] { return swarm.network.stopped(node).has_value(); },
                                      swarm.network.now() + seconds(20)));
        EXPECT_EQ(swarm.code(node.name), 0);
        EXPECT_EQ(swarm.trace.named("left_servers", node.name).size(), 1U);
    }
    if (GetParam().count == 5) {
        swarm.network.crash({"sn5"});
    }
    expect_good_end();
}

/// Over a slow link between two other SNs, a forwarded message arrives late.
TEST_P(Replicated, ADelayedLeaveRequestOfAnEarlierServerDoesNotRemoveItsSuccessor) {
    run_to_round(5);
    const NodeId node{"sn3"};
    swarm.next_start.leaving.insert(node.name);
    swarm.network.restart(node);
    ASSERT_TRUE(swarm.network.run([&] { return swarm.network.stopped(node).has_value(); },
                                  swarm.network.now() + seconds(20)));
    const Server earlier{node, swarm.sn_addresses[2], swarm.sn_stores[2]->log().vote.self, false};
    ASSERT_NE(earlier.number, 0U);
    swarm.next_start.leaving.clear();
    *swarm.sn_stores[2] = MemoryStore{};
    swarm.network.restart(node);
    run_for(seconds(3));
    const NodeId leader = this->leader();
    const NodeId other{leader.name == "sn1" ? "sn2" : "sn1"};
    for (const bool leave : {true, false}) {
        swarm.network.deliver(leader,
                              FrameReceived{other, {MembershipRequest{earlier, leave}, {}}});
        run_for(seconds(3));
        EXPECT_EQ(swarm.code(node.name), -1) << swarm.network.stopped(node)->reason;
    }
    expect_good_end();
    EXPECT_TRUE(swarm.trace.named("join_refused").empty());
}

TEST_P(Replicated, TheLeaderLeavesForGood) {
    run_to_round(5);
    const NodeId first = leader();
    swarm.next_start.leaving.insert(first.name);
    swarm.network.restart(first);
    ASSERT_TRUE(swarm.network.run([&] { return swarm.network.stopped(first).has_value(); },
                                  swarm.network.now() + seconds(20)));
    EXPECT_EQ(swarm.code(first.name), 0);
    expect_good_end();
    EXPECT_NE(leader(), first);
}

TEST(ReplicatedHistory, AJoiningSnSummarizesTheHistoryInOneLine) {
    MemorySwarm swarm;
    for (int i = 1; i <= 2; ++i) {
        swarm.add_pair(i, {.syncs = 40, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run_to_round(10));
    swarm.crash_pair(2);  // an error in the history
    swarm.run_for(seconds(4));
    swarm.restart_pair(2);
    ASSERT_TRUE(swarm.run_to_round(15));
    swarm.sn_addresses.push_back({"10.0.1.2", 30304});
    swarm.sn_stores.resize(2);
    swarm.add_sn(2);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    ASSERT_TRUE(swarm.trace.logged("Member 'sl2' is lost", "sn1"));
    EXPECT_FALSE(swarm.trace.logged("Member 'sl2' is lost", "sn2"));
    EXPECT_FALSE(swarm.trace.logged("Round 3 is committed", "sn2"));
    EXPECT_TRUE(swarm.trace.logged("Applied what was committed without this SN", "sn2"));
    EXPECT_EQ(swarm.trace.named("history_taken", "sn2").size(), 1U);
    EXPECT_TRUE(swarm.trace.logged("(final)", "sn2"));  // later entries are logged one by one
    swarm.expect_one_ledger();
}

/// What an SN starts from, and the newest snapshots of others, equal what all records lead to.
TEST(ReplicatedSnapshots, AllSnsMakeTheSameOnesAndContinueFromThem) {
    MemorySwarm swarm(3, {}, 3, 25);
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 3, .syncs = 40, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run_to_round(20));
    swarm.network.crash({"sn3"});
    ASSERT_TRUE(swarm.run_to_round(22));
    EXPECT_GT(swarm.sn_stores[2]->start_log(openssl_hasher()).before(), 0U);
    swarm.network.restart({"sn3"});
    ASSERT_TRUE(swarm.run());
    swarm.run_for(seconds(3));
    swarm.expect_one_final_model();
    swarm.expect_one_ledger();
    const std::shared_ptr<const Bytes> first = swarm.sn_stores[0]->snapshot();
    ASSERT_TRUE(first);
    EXPECT_EQ(*swarm.sn_stores[1]->snapshot(), *first);
    EXPECT_EQ(*swarm.sn_stores[2]->snapshot(), *first);
    const std::shared_ptr<const NodeVerifier> verifier = make_memory_verifier(openssl_hasher());
    LedgerAudit audit(openssl_hasher(), *verifier, {});
    const std::uint64_t at = decode_snapshot(openssl_hasher(), *first)->index();
    Digest link;
    for (std::uint64_t index = 1; index <= at; ++index) {
        const Bytes& record = swarm.sn_stores[0]->log().records[index - 1];
        link = chain_link(openssl_hasher(), link, index, record);
        ASSERT_TRUE(audit.take(index, record, link)) << "entry " << index;
    }
    EXPECT_EQ(audit.make_snapshot(), *first) << "an auditor replays all records";
}

/// libraft knows the terms of all records, though it was started behind a snapshot.
TEST(ReplicatedSnapshots, SnsThatWereAllStartedFromOneSendTheWholeLogToOneThatJoins) {
    MemorySwarm swarm(5, {}, 3, 25);
    swarm.joining_takes_state = false;
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 3, .syncs = 40, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run_to_round(20));
    for (const NodeId& sn : swarm.sns) {
        swarm.network.crash(sn);
    }
    *swarm.sn_stores[2] = MemoryStore{};
    for (const NodeId& sn : swarm.sns) {
        swarm.network.restart(sn);
    }
    ASSERT_GT(swarm.sn_stores[0]->start_log(openssl_hasher()).before(), 25U);
    ASSERT_TRUE(swarm.run());
    swarm.run_for(seconds(3));
    swarm.expect_one_ledger();
    EXPECT_EQ(swarm.sn_stores[2]->log().records, swarm.sn_stores[0]->log().records);
}

/// What a start finds out about the ledger before it runs it.
TEST(ReplicatedSnapshots, ARebuildAndTheCheckForACopyNeedNoRecordsBeforeIt) {
    MemorySwarm swarm(3, {}, 3, 25);
    for (int i = 1; i <= 3; ++i) {
        swarm.add_pair(i, {.min_peers = 3, .syncs = 20, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run());
    const DurableLog& whole = swarm.sn_stores[0]->log();
    const DurableLog behind = swarm.sn_stores[0]->start_log(openssl_hasher());
    ASSERT_GT(behind.before(), 0U);
    EXPECT_EQ(behind.last(), whole.last());
    const auto signer = make_memory_signer(openssl_hasher(), {"sn1"}, 99);
    const RebuildOptions options{.id = {"sn1"},
                                 .api_address = swarm.sn_addresses[0],
                                 .peer_address = swarm.sn_addresses[0],
                                 .session = 99,
                                 .number = 99,
                                 .without = {{"sn2"}, {"sn3"}},
                                 .signer = *signer};
    const Result<Rebuild> of_all = rebuild_alone(whole, options);
    const Result<Rebuild> of_rest = rebuild_alone(behind, options);
    ASSERT_TRUE(of_all) << of_all.error().message;
    ASSERT_TRUE(of_rest) << of_rest.error().message;
    EXPECT_EQ(of_rest->first, of_all->first);
    EXPECT_EQ(of_rest->records, of_all->records);
    EXPECT_EQ(of_rest->vote, of_all->vote);
    std::vector<Effect> effects;
    Outbox out(effects);
    EXPECT_TRUE(OriginalCheck(7).begin({"sn1"}, behind, {"10.9.9.9", 1}, from_ns(1), out));
    EXPECT_FALSE(OriginalCheck(7).begin({"sn1"}, behind, swarm.sn_addresses[0], from_ns(1), out));
}

INSTANTIATE_TEST_SUITE_P(Servers, Replicated,
                         testing::Values(Servers{3, 0}, Servers{5, 0}, Servers{3, 20},
                                         Servers{5, 20}),
                         [](const auto& servers) {
                             return std::to_string(servers.param.count) +
                                    (servers.param.snapshot_interval > 0 ? "WithSnapshots" : "");
                         });

}  // namespace
}  // namespace starling::test
