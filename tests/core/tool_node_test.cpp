// The tool's node together with whole swarms on the memory network.
#include "core/tool/tool_node.hpp"

#include "core/json/json.hpp"
#include "tests/support/memory_swarm.hpp"

namespace starling::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Address nowhere{"10.0.0.99", 30304};

class ToolNode : public testing::Test {
protected:
    /// Adds a tool on a host of its own, started after `delay`.
    void add_tool(std::vector<Address> servers, StatusQuery query, SwarmDuration delay = {}) {
        query.id = 77;
        MemoryNodeSpec spec;
        spec.make = [this, servers, query] {
            ToolNodeOptions options{{"admin"}, servers, Role::sn, query, {}, seconds(10)};
            options.on_reply = [this](const StatusReply&, std::string_view json) {
                answers.emplace_back(json);
            };
            return make_tool_node(std::move(options));
        };
        spec.host = "host-admin";
        swarm.network.at(SwarmTime{delay}, [this, spec] {
            swarm.network.add(spec);
            added = true;
        });
    }
    /// Runs until the tool has stopped.
    bool run_tool() {
        return swarm.network.run([&] { return added && swarm.code("admin") >= 0; },
                                 SwarmTime{std::chrono::minutes(5)});
    }
    /// The same, beside which it follows others on one connection.
    void add_following_tool(const std::vector<StatusQuery>& also) {
        MemoryNodeSpec spec;
        spec.make = [this, also] {
            ToolNodeOptions options{
                {"admin"}, {swarm.sn_address()}, Role::sn, StatusQuery{77, "servers", "", true}};
            options.also = also;
            options.on_reply = [this](const StatusReply& reply, std::string_view json) {
                by_id[reply.id].emplace_back(json);
            };
            return make_tool_node(std::move(options));
        };
        spec.host = "host-admin";
        swarm.network.add(spec);
    }
    std::string reason() const { return swarm.network.stopped({"admin"})->reason; }

    MemorySwarm swarm;
    std::vector<std::string> answers;
    std::map<std::uint32_t, std::vector<std::string>> by_id;
    bool added = false;
};

TEST_F(ToolNode, SendsOneQueryAndEndsWithTheAnswer) {
    add_tool({swarm.sn_address()}, {0, "version", "", false});
    ASSERT_TRUE(run_tool());
    EXPECT_EQ(swarm.code("admin"), 0);
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(parse_json(answers[0])->find("name")->text, "sn1");
}

TEST_F(ToolNode, FollowsSeveralQueriesOnOneConnectionAlsoOfAContractThatComesLater) {
    add_following_tool({{78, "nodes", "", true}, {79, "round", "default", true}});
    const auto answered = [&](std::uint32_t id) { return by_id.count(id) > 0; };
    ASSERT_TRUE(swarm.network.run([&] { return answered(77) && answered(78); },
                                  SwarmTime{std::chrono::minutes(5)}));
    EXPECT_FALSE(answered(79));
    swarm.add_pair(1, {});
    swarm.add_pair(2, {});
    ASSERT_TRUE(
        swarm.network.run([&] { return answered(79); }, SwarmTime{std::chrono::minutes(5)}));
    EXPECT_EQ(parse_json(by_id[79][0])->find("name")->text, "default");
}

TEST_F(ToolNode, AsksTheNextServerIfOneIsUnreachable) {
    add_tool({nowhere, swarm.sn_address()}, {0, "nodes", "", false});
    ASSERT_TRUE(run_tool());
    EXPECT_EQ(swarm.code("admin"), 0);
    EXPECT_EQ(answers.size(), 1U);
}

TEST_F(ToolNode, NamesEveryUnreachableServer) {
    add_tool({nowhere, {"10.0.0.98", 1}}, {0, "nodes", "", false});
    ASSERT_TRUE(run_tool());
    EXPECT_EQ(swarm.code("admin"), exit_code::peer_lost);
    EXPECT_EQ(reason(),
              "no server can be reached: nothing answers at 10.0.0.99:30304; nothing answers at "
              "10.0.0.98:1");
}

TEST_F(ToolNode, EndsWithTheServersRefusal) {
    add_tool({swarm.sn_address()}, {0, "contract", "nosuch", false});
    ASSERT_TRUE(run_tool());
    EXPECT_EQ(swarm.code("admin"), exit_code::failed);
    EXPECT_EQ(reason(), "'sn1' answers: no contract 'nosuch': none was started on this SN");
    EXPECT_TRUE(answers.empty());
}

TEST_F(ToolNode, IsRefusedAtAPortThatIsNotForTools) {
    swarm.add_pair(1, {.min_peers = 1});
    add_tool({{"10.0.0.1", 16000}}, {0, "nodes", "", false});  // the exchange port of an SL
    ASSERT_TRUE(run_tool());
    EXPECT_EQ(swarm.code("admin"), exit_code::refused);
}

TEST_F(ToolNode, GivesUpOnAServerThatNeverAnswers) {
    add_tool({swarm.sn_address()}, {0, "nodes", "", false});
    swarm.network.faults.drop = 1.0;
    ASSERT_TRUE(run_tool());
    EXPECT_EQ(swarm.code("admin"), exit_code::peer_lost);
    EXPECT_NE(reason().find("10.0.1.1:30304: connected, but it did not answer"), std::string::npos)
        << reason();
}

TEST_F(ToolNode, FollowsEveryRoundOfATraining) {
    swarm.add_pair(1, {});
    swarm.add_pair(2, {});
    add_tool({swarm.sn_address()}, {0, "round", "default", true}, milliseconds(10));
    ASSERT_TRUE(swarm.run());
    std::set<std::string> committed;
    for (const std::string& answer : answers) {
        const Result<JsonValue> value = parse_json(answer);
        ASSERT_TRUE(value) << answer;
        if (const JsonValue* round = value->find("last_commit")->find("round")) {
            committed.insert(round->text);
        }
    }
    EXPECT_EQ(committed, (std::set<std::string>{"0", "1", "2", "3", "4"}));
    EXPECT_EQ(swarm.code("admin"), -1) << "it follows until it is stopped";
    swarm.network.deliver({"admin"}, StopRequested{"SIGINT"});
    EXPECT_EQ(swarm.code("admin"), 0);
}

TEST_F(ToolNode, KeepsFollowingAfterARestartOfTheSn) {
    swarm.add_pair(1, {.min_peers = 1, .syncs = 100});
    add_tool({swarm.sn_address()}, {0, "version", "", true});
    swarm.network.at(SwarmTime{seconds(2)}, [&] { swarm.network.crash({"sn1"}); });
    std::size_t before = 0;
    swarm.network.at(SwarmTime{seconds(4)}, [&] {
        before = answers.size();
        swarm.network.restart({"sn1"});
    });
    swarm.network.run([] { return false; }, SwarmTime{seconds(8)});
    EXPECT_GT(before, 0U);
    EXPECT_GT(answers.size(), before);
    EXPECT_TRUE(swarm.trace.logged("reconnecting", "admin"));
    swarm.network.crash({"sn1"});
    ASSERT_TRUE(run_tool()) << "and ends if the SN stays away";
    EXPECT_EQ(swarm.code("admin"), exit_code::peer_lost);
}

}  // namespace
}  // namespace starling::test
