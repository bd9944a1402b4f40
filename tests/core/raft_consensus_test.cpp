// Three SNs' consensus, message by message, without a network.
#include "core/raft/raft_consensus.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "core/base/overloaded.hpp"

namespace starling {
namespace {

class RaftConsensusTest : public testing::Test {
protected:
    struct Sn {
        std::unique_ptr<Consensus> consensus;
        std::uint64_t committed = 0;
    };
    struct Sent {
        NodeId from;
        NodeId to;
        ConsensusMessage message;
    };

    RaftConsensusTest() {
        for (const std::uint64_t number : {1U, 2U, 3U}) {
            const NodeId id{"sn" + std::to_string(number)};
            Sn& sn = sns[id];
            sn.consensus = make_raft_consensus({.self = id, .number = number, .seed = number});
            std::optional<Server> founder;
            if (number == 1) {
                founder = Server{id, {}, number, true};
            }
            ConsensusOutput output;
            sn.consensus->start(now, {}, founder, output);
            perform(id, output);
        }
        for (const std::uint64_t number : {2U, 3U}) {
            const NodeId id{"sn" + std::to_string(number)};
            ConsensusOutput output;
            EXPECT_TRUE(first().add_server(now, {id, {}, number, false}, output).has_value());
            perform(first_id, output);
            for (int i = 0; i < 100 && voters() < number; ++i) {
                pass(std::chrono::milliseconds(100));
            }
        }
        EXPECT_EQ(voters(), 3U);
        pass(std::chrono::milliseconds(500));
    }
    Consensus& first() { return *sns.at(first_id).consensus; }
    std::uint64_t voters() {
        const auto& servers = first().servers();
        return static_cast<std::uint64_t>(
            std::count_if(servers.begin(), servers.end(), [](const Server& s) { return s.voter; }));
    }
    void perform(const NodeId& id, ConsensusOutput& output) {
        for (ConsensusAction& action : output) {
            std::visit(Overloaded{[](SaveVote&) {}, [](AppendRecords&) {},
                                  [&](SendConsensus& send) {
                                      sent.push_back({id, send.to, std::move(send.message)});
                                  },
                                  [&](Committed&) { ++sns.at(id).committed; }},
                       action);
        }
    }
    /// Delivers all that is on its way, but for what goes to `held`.
    void deliver(const NodeId& held = {}) {
        std::deque<Sent> kept;
        while (!sent.empty()) {
            Sent next = std::move(sent.front());
            sent.pop_front();
            if (next.to == held) {
                kept.push_back(std::move(next));
                continue;
            }
            ConsensusOutput output;
            sns.at(next.to).consensus->receive(now, next.from, next.message, output);
            perform(next.to, output);
        }
        sent = std::move(kept);
    }
    void pass(SwarmDuration time) {
        const SwarmTime end = now + time;
        while (now < end) {
            now += std::chrono::milliseconds(10);
            for (auto& [id, sn] : sns) {
                if (const auto due = sn.consensus->deadline(); due && *due <= now) {
                    ConsensusOutput output;
                    sn.consensus->tick(now, output);
                    perform(id, output);
                }
            }
            deliver();
        }
    }

    const NodeId first_id{"sn1"};
    SwarmTime now{};
    std::map<NodeId, Sn> sns;
    std::deque<Sent> sent;
};

TEST_F(RaftConsensusTest, a_slower_follower_hears_at_once_what_is_agreed) {
    const NodeId slower{"sn3"};
    const std::uint64_t before = sns.at(slower).committed;
    ConsensusOutput output;
    ASSERT_TRUE(first().propose(now, Bytes(1), output).has_value());
    perform(first_id, output);
    deliver(slower);
    EXPECT_EQ(sns.at(first_id).committed, before + 1) << "two of three have it";
    EXPECT_EQ(sns.at(NodeId{"sn2"}).committed, before + 1);
    EXPECT_EQ(sns.at(slower).committed, before);
    deliver();  // no time passes: no heartbeat says it
    EXPECT_EQ(sns.at(slower).committed, before + 1);
}

}  // namespace
}  // namespace starling
