// Two processes of one node at the same time, as after its workspace was copied.
#include "core/base/start_text.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(StartText, IsTheTimeOfTheStart) {
    EXPECT_EQ(start_text(1'795'737'750'000'000'123), "2026-11-27 00:02:30 UTC");
    EXPECT_EQ(start_text(7), "start number 7");
}

/// A training of two members; the second process of an SL runs on the second host.
class Copies : public testing::TestWithParam<int> {
protected:
    Copies() : swarm(1, {}, GetParam()) {
        ToyOptions toy;
        toy.syncs = 400;
        toy.batch_time = milliseconds(5);
        swarm.add_pair(1, toy);
        swarm.add_pair(2, toy);
    }
    int newest_round() const {
        const auto committed = swarm.trace.named("round_committed");
        return committed.empty() ? -1 : std::stoi(field(committed.back(), "round"));
    }
    /// Number of events about sl1 in sn1's trace.
    std::size_t count(const std::string& event) const {
        const auto lines = swarm.trace.named(event, "sn1");
        return static_cast<std::size_t>(
            std::count_if(lines.begin(), lines.end(),
                          [](const auto& line) { return field(line, "node") == "sl1"; }));
    }
    bool stopped(const std::string& node, SwarmDuration limit = seconds(30)) {
        return swarm.network.run([&] { return swarm.network.stopped({node}).has_value(); },
                                 swarm.network.now() + limit);
    }
    MemorySwarm swarm;
};

INSTANTIATE_TEST_SUITE_P(, Copies, testing::Values(1, 3));

TEST_P(Copies, TheOlderProcessIsToldItsReplacementAndEnds) {
    ASSERT_TRUE(swarm.run_to_round(3)) << swarm.trace.tail();
    swarm.add_copy(1);
    ASSERT_TRUE(stopped("sl1")) << swarm.trace.tail();
    EXPECT_EQ(swarm.code("sl1"), exit_code::refused);
    ASSERT_TRUE(stopped("ml1"));
    EXPECT_EQ(swarm.code("ml1"), exit_code::refused);
    EXPECT_TRUE(swarm.trace.logged("replaced by a start of 'sl1'", "sl1")) << swarm.trace.tail();
    // The older process does not leave the contract in the newer one's name: training continues and
    // ends normally.
    EXPECT_TRUE(swarm.run_to_round(newest_round() + 3)) << swarm.trace.tail();
    EXPECT_FALSE(swarm.network.stopped({"sl1-copy"}).has_value());
    EXPECT_TRUE(swarm.trace.named("contract_ended").empty());
    EXPECT_LE(swarm.trace.named("start_replaced").size(), 1U);
    EXPECT_TRUE(swarm.trace.logged("it replaces its start at 10.0.0.1:16000"));
}

TEST_P(Copies, TheOriginalResumesAfterARestartOnceTheCopyIsKilled) {
    ASSERT_TRUE(swarm.run_to_round(3)) << swarm.trace.tail();
    swarm.add_copy(1);
    ASSERT_TRUE(stopped("sl1")) << swarm.trace.tail();
    ASSERT_TRUE(swarm.run_to_round(newest_round() + 2)) << swarm.trace.tail();
    swarm.network.crash({"sl1-copy"});
    swarm.network.crash({"ml1-copy"});
    swarm.sls.erase({"sl1-copy"});
    swarm.mls.erase({"ml1-copy"});
    swarm.run_for(seconds(5));
    swarm.restart_pair(1);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

/// The older process receives nothing, but what it sends arrives.
TEST_P(Copies, MessagesOfTheOlderProcessRenewNoLease) {
    ASSERT_TRUE(swarm.run_to_round(3)) << swarm.trace.tail();
    for (const NodeId& sn : swarm.sns) {
        swarm.network.mute(sn, {"sl1"});
    }
    const std::size_t enrolled = count("member_enrolled");
    swarm.add_copy(1);
    ASSERT_TRUE(swarm.network.run([&] { return count("member_enrolled") > enrolled; },
                                  swarm.network.now() + seconds(30)))
        << swarm.trace.tail();
    const std::size_t gone = count("member_gone");
    swarm.network.crash({"sl1-copy"});
    swarm.network.crash({"ml1-copy"});
    EXPECT_TRUE(swarm.network.run([&] { return count("member_gone") > gone; },
                                  swarm.network.now() + seconds(20)))
        << swarm.trace.tail();
}

/// An SN's disk is copied, and the copy is started at another address.
TEST(CopiedSn, FindsTheOriginalAndStopsWithoutVoting) {
    MemorySwarm swarm(1, {}, 3);
    for (int i = 1; i <= 2; ++i) {
        swarm.add_pair(i, {.syncs = 60, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run_to_round(3));
    MemoryStore store;
    store.log() = swarm.sn_stores[1]->log();
    const Address elsewhere{"10.0.9.2", 30304};
    MemoryNodeSpec copy;
    copy.process = "sn2-copy";
    copy.host = "host-sn2-copy";
    copy.listen = {elsewhere};
    copy.accepts = {Role::sl, Role::sn};
    copy.store = &store;
    copy.make = [&] {
        SnNodeOptions options;
        options.id = {"sn2"};
        options.session = ++swarm.sessions;
        options.api_address = elsewhere;
        options.peer_address = elsewhere;
        options.sentinel = swarm.sn_address();
        options.log = store.log();
        options.signer = make_memory_signer(openssl_hasher(), options.id, options.session);
        options.verifier = make_memory_verifier(openssl_hasher());
        return make_sn_node(options, openssl_hasher());
    };
    swarm.run_to_round(6);
    swarm.network.add(copy);
    ASSERT_TRUE(swarm.network.run([&] { return swarm.code("sn2-copy") >= 0; },
                                  swarm.network.now() + seconds(20)))
        << swarm.trace.tail();
    EXPECT_EQ(swarm.code("sn2-copy"), exit_code::refused);
    EXPECT_NE(swarm.network.stopped({"sn2-copy"})->reason.find("one runs at 10.0.1.2:30304"),
              std::string::npos)
        << swarm.network.stopped({"sn2-copy"})->reason;
    EXPECT_EQ(store.log().vote, swarm.sn_stores[1]->log().vote);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    swarm.expect_one_ledger();
}

/// The original is gone, and its disk was moved to another host.
TEST(CopiedSn, ServesFromAMovedDisk) {
    MemorySwarm swarm;
    for (int i = 1; i <= 2; ++i) {
        swarm.add_pair(i, {.syncs = 60, .batch_time = milliseconds(20)});
    }
    ASSERT_TRUE(swarm.run_to_round(3));
    swarm.network.crash({"sn1"});
    swarm.sn_addresses[0] = {"10.0.9.1", 30304};
    swarm.add_moved_sn(1);
    ASSERT_TRUE(swarm.network.run([&] { return swarm.trace.named("api_ready").size() == 2; },
                                  swarm.network.now() + seconds(20)))
        << swarm.trace.tail();
}

}  // namespace
}  // namespace starling::test
