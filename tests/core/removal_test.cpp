// SNs that are lost for good: a minority, and all but one.
#include "core/ledger/audit.hpp"
#include "core/ledger/membership.hpp"
#include "core/tool/tool_node.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Removal : public testing::Test {
protected:
    Removal() {
        for (int i = 1; i <= 2; ++i) {
            swarm.add_pair(i, {.syncs = 100, .batch_time = milliseconds(20)});
        }
    }
    /// The error that the tool gets, or empty on success.
    std::string remove(const std::string& node, const std::string& at,
                       const std::string& tool = "swci1") {
        const auto number = static_cast<std::size_t>(at.back() - '1');
        MemoryNodeSpec spec;
        spec.process = tool + "-" + std::to_string(++tools);
        spec.make = [this, node, tool, number] {
            return make_tool_node(
                {.id = {tool},
                 .servers = {swarm.sn_addresses[number]},
                 .request = RemoveServer{static_cast<std::uint32_t>(tools), {node}, {tool}},
                 .on_reply = [](const StatusReply&, std::string_view) {},
                 .signer = make_memory_signer(openssl_hasher(), {tool}, 1)});
        };
        return swarm.run_tool(std::move(spec));
    }
    void crash(const std::string& node) { swarm.network.crash({node}); }
    bool ended(const std::string& node, SwarmDuration limit = seconds(20)) {
        return swarm.network.run([&] { return swarm.code(node) >= 0; },
                                 swarm.network.now() + limit);
    }
    std::string reason(const std::string& node) const {
        const auto stop = swarm.network.stopped({node});
        return stop ? stop->reason : "";
    }
    std::string follower() const { return swarm.leader() == "sn1" ? "sn2" : "sn1"; }
    std::vector<std::string> servers_of(int sn) const {
        std::vector<std::string> names;
        const auto& records = swarm.sn_stores[static_cast<std::size_t>(sn - 1)]->log().records;
        for (std::size_t at = records.size(); at > 0 && names.empty(); --at) {
            const LogRecord record = *decode_record(at, records[at - 1]);
            if (record.kind == RecordKind::membership) {
                const std::vector<Server> servers = *decode_membership(record.data);
                for (const Server& server : servers) {
                    names.push_back(server.node.name);
                }
            }
        }
        return names;
    }
    /// Audits a ledger from its first record; the first error, or empty.
    std::string audited(const std::vector<Bytes>& records) {
        const auto verifier = make_memory_verifier(openssl_hasher());
        LedgerAudit audit(openssl_hasher(), *verifier, {});
        Digest link;
        for (std::size_t i = 0; i < records.size(); ++i) {
            link = chain_link(openssl_hasher(), link, i + 1, records[i]);
            if (const auto good = audit.take(i + 1, records[i], link); !good) {
                return good.error().message;
            }
        }
        removals = audit.summary().removals;
        return audit.unfinished();
    }

    MemorySwarm swarm{3, {}, 3};
    int tools = 0;
    std::vector<LedgerAudit::Removal> removals;
};

TEST_F(Removal, ADeadSnIsRemovedAndTheRestToleratesAnotherFailure) {
    ASSERT_TRUE(swarm.run_to_round(5));
    crash("sn3");
    EXPECT_EQ(remove("sn3", "sn1"), "");
    EXPECT_EQ(remove("sn3", "sn2"), "") << "removal is idempotent";
    EXPECT_EQ(servers_of(1), (std::vector<std::string>{"sn1", "sn2"}));
    EXPECT_TRUE(swarm.trace.logged("SN sn3 no longer keeps the ledger, as requested by 'swci1'"));
    swarm.network.restart({"sn3"});
    ASSERT_TRUE(ended("sn3")) << swarm.trace.tail();
    EXPECT_EQ(swarm.code("sn3"), exit_code::refused);
    EXPECT_NE(reason("sn3").find("as requested by 'swci1'"), std::string::npos) << reason("sn3");
    EXPECT_NE(reason("sn3").find("empty disk"), std::string::npos) << reason("sn3");
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(audited(swarm.sn_store().log().records), "");
    ASSERT_EQ(removals.size(), 1U);
    EXPECT_EQ(removals[0].command.by, "swci1");
    EXPECT_FALSE(removals[0].command.rebuilt);
}

TEST_F(Removal, ARemovedSnThatStillRunsIsNotifiedAndEnds) {
    ASSERT_TRUE(swarm.run_to_round(5));
    EXPECT_EQ(remove(follower(), "sn3"), "");
    for (const std::string node : {"sn1", "sn2"}) {
        if (node != swarm.leader()) {
            ASSERT_TRUE(ended(node)) << swarm.trace.tail();
            EXPECT_EQ(swarm.code(node), exit_code::refused);
            EXPECT_NE(reason(node).find("no longer keeps the ledger"), std::string::npos);
        }
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

TEST_F(Removal, ALeaderTransfersItsLeadershipBeforeItIsRemoved) {
    ASSERT_TRUE(swarm.run_to_round(5));
    const std::string led = swarm.leader();
    EXPECT_EQ(remove(led, led), "");
    ASSERT_TRUE(ended(led)) << swarm.trace.tail();
    EXPECT_EQ(swarm.code(led), exit_code::refused);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
}

TEST_F(Removal, ARemovalThatWouldLeaveNoMajorityIsRefused) {
    ASSERT_TRUE(swarm.run_to_round(5));
    crash("sn3");
    const std::string answer = remove("sn2", "sn1");
    EXPECT_NE(answer.find("kept by sn1, sn3, of which only sn1 can be reached: no majority"),
              std::string::npos)
        << answer;
    EXPECT_EQ(servers_of(1).size(), 3U);
}

TEST_F(Removal, OnlyAnAdministratorRemovesAndOnlyAnSnOfTheLedger) {
    ASSERT_TRUE(swarm.run_to_round(2));
    EXPECT_NE(remove("sn3", "sn1", "swci9").find("'swci9' may not remove an SN here; swci1 may"),
              std::string::npos);
    EXPECT_NE(remove("sn7", "sn2").find("no SN 'sn7' keeps this ledger: sn1, sn2, sn3 do"),
              std::string::npos);
    EXPECT_EQ(servers_of(1).size(), 3U);
}

TEST_F(Removal, AMissingLeaderIsReportedAtOnceAndAtGrowingIntervals) {
    ASSERT_TRUE(swarm.run_to_round(5));
    crash("sn2");
    crash("sn3");
    const SwarmTime from = swarm.network.now();
    const auto lines = [&] { return swarm.trace.named("leaderless", "sn1"); };
    ASSERT_TRUE(swarm.network.run([&] { return !lines().empty(); }, from + seconds(6)));
    const std::string text = lines()[0].event.text;
    EXPECT_NE(
        text.find("No SN has led for 3 s: 2 of the 3 SNs that vote must agree, and 1 is here"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("Away: sn2 at 10.0.1.2:30304"), std::string::npos) << text;
    EXPECT_NE(text.find("--rebuild-without"), std::string::npos) << text;
    swarm.run_for(seconds(90));
    EXPECT_GE(lines().size(), 3U);
    EXPECT_LE(lines().size(), 5U) << "at growing intervals";
    EXPECT_TRUE(swarm.trace.logged("No SN has led for", "sl1"));
    EXPECT_NE(remove("sn2", "sn1").find("No SN has led for"), std::string::npos);
    swarm.network.restart({"sn2"});
    swarm.run_for(seconds(5));
    EXPECT_TRUE(swarm.trace.logged("leads again", "sn1"));
}

TEST_F(Removal, OneSurvivorRebuildsAloneAndTheOthersStartEmpty) {
    ASSERT_TRUE(swarm.run_to_round(5));
    for (const char* sn : {"sn1", "sn2", "sn3"}) {
        crash(sn);
    }
    swarm.next_start.rebuilding["sn1"] = {{"sn2"}, {"sn3"}};
    swarm.network.restart({"sn1"});
    ASSERT_TRUE(swarm.run_to_round(8)) << swarm.trace.tail();
    // The old majority is restarted: it must not continue the old ledger.
    swarm.network.restart({"sn2"});
    swarm.network.restart({"sn3"});
    for (const std::string node : {"sn2", "sn3"}) {
        ASSERT_TRUE(ended(node)) << swarm.trace.tail();
        EXPECT_EQ(swarm.code(node), exit_code::refused);
        EXPECT_NE(reason(node).find("SN 'sn1' continued without it"), std::string::npos)
            << reason(node);
        EXPECT_NE(reason(node).find("ledger diverges"), std::string::npos) << reason(node);
    }
    swarm.sn_stores[1]->log() = {};
    swarm.network.restart({"sn2"});
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(servers_of(2), (std::vector<std::string>{"sn1", "sn2"}));

    std::vector<Bytes> records = swarm.sn_store().log().records;
    EXPECT_EQ(audited(records), "");
    ASSERT_EQ(removals.size(), 1U);
    const LedgerAudit::Removal epoch = removals[0];
    EXPECT_TRUE(epoch.command.rebuilt);
    EXPECT_EQ(epoch.signer.name, "sn1");
    EXPECT_EQ(epoch.command.removed, (std::vector<NodeId>{{"sn2"}, {"sn3"}}));
    // Without the signed entry, the audit rejects the membership change.
    records.resize(epoch.command.index);
    EXPECT_NE(audited(records).find("changes more than one SN at a time"), std::string::npos);
    records.push_back(encode_record({0, 99, RecordKind::barrier, Bytes(8)}));
    EXPECT_NE(audited(records).find("no SN has signed that it rebuilt the ledger"),
              std::string::npos);
}

TEST_F(Removal, ARebuildMustNameExactlyAllOtherSns) {
    ASSERT_TRUE(swarm.run_to_round(1));
    const auto signer = make_memory_signer(openssl_hasher(), {"sn1"}, 99);
    const auto refusal = [&](const std::string& node, std::vector<NodeId> without) {
        const Result<Rebuild> rebuild =
            rebuild_alone(swarm.sn_store().log(), {.id = {node},
                                                   .session = 9,
                                                   .number = 9,
                                                   .without = std::move(without),
                                                   .signer = *signer});
        return rebuild ? "" : rebuild.error().message;
    };
    EXPECT_NE(refusal("sn1", {{"sn2"}}).find("which are sn2, sn3; given: sn2"), std::string::npos);
    EXPECT_NE(refusal("sn1", {{"sn2"}, {"sn3"}, {"sn4"}}), "");
    EXPECT_NE(refusal("sn4", {{"sn1"}, {"sn2"}, {"sn3"}}).find("not one of the SNs"),
              std::string::npos);
    EXPECT_EQ(refusal("sn1", {{"sn3"}, {"sn2"}}), "");
}

TEST_F(Removal, ARepeatedRebuildChangesNothing) {
    ASSERT_TRUE(swarm.run_to_round(1));
    DurableLog log = swarm.sn_store().log();
    const auto signer = make_memory_signer(openssl_hasher(), {"sn1"}, 99);
    const auto ask = [&](std::vector<NodeId> without, const std::string& node = "sn1") {
        return rebuild_alone(log, {.id = {node},
                                   .session = 9,
                                   .number = 9,
                                   .without = std::move(without),
                                   .signer = *signer});
    };
    const Result<Rebuild> first = ask({{"sn2"}, {"sn3"}});
    ASSERT_TRUE(first);
    ASSERT_FALSE(first->done());
    log.records.insert(log.records.end(), first->records.begin(), first->records.end());
    log.vote = first->vote;
    log.records.push_back(
        encode_record({0, first->vote.term + 1, RecordKind::barrier, Bytes(8)}));  // it has led
    const Result<Rebuild> again = ask({{"sn3"}, {"sn2"}});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->done());
    EXPECT_EQ(again->first, first->first);
    EXPECT_EQ(again->vote, first->vote);
    // Only the same rebuild counts as done.
    EXPECT_FALSE(ask({{"sn2"}}));
    EXPECT_FALSE(ask({{"sn2"}, {"sn3"}, {"sn4"}}));
    EXPECT_FALSE(ask({{"sn2"}, {"sn3"}}, "sn4"));
    log.records.push_back(
        encode_record({0, first->vote.term + 1, RecordKind::membership,
                       encode_membership({{{"sn1"}, {}, 9, true}, {{"sn2"}, {}, 10, true}})}));
    EXPECT_FALSE(ask({{"sn2"}, {"sn3"}}));
    const Result<Rebuild> other = ask({{"sn2"}});
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_FALSE(other->done());
}

}  // namespace
}  // namespace starling::test
