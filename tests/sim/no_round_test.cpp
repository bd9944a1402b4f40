// A simulation does not run forever without a round.
#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

class NoRound : public SwarmSim {
protected:
    /// two_hosts.xml with another link.
    std::string two_hosts(const std::string& link) {
        std::string text = read(platform);
        const std::size_t begin = text.find("<link id=\"wan\"");
        text.replace(begin, text.find("/>", begin) - begin,
                     "<link id=\"wan\" sharing_policy=\"SPLITDUPLEX\" " + link);
        return file("p.xml", text);
    }
};

TEST_F(NoRound, ALinkThatIsAlwaysUpTooBrieflyEndsTheRun) {
    // A connection takes two round trips of 4 s; the link is up for 1 s of every 3 s.
    file("wan.profile", "1 0\n3 1\nLOOPAFTER 0\n");
    const Ran ran = swarm_sim(two_hosts("bandwidth=\"100Mbps\" latency=\"1s\" "
                                        "state_file=\"wan.profile\"") +
                              " " + deployment + " --quiet --json " + path("j"));
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("no round completed for 7")) << ran.output;
    EXPECT_TRUE(ran.printed("(--round-limit sets another)")) << ran.output;
    EXPECT_NE(read(path("j")).find("\"round_limit\""), std::string::npos);
}

TEST_F(NoRound, TheUsersLimitIsApplied) {
    // 1.3 MB each way take 11 s at 1 Mbit/s.
    const std::string slow =
        two_hosts("bandwidth=\"1Mbps\" latency=\"10ms\"") + " " + deployment + " --quiet";
    const Ran ended = swarm_sim(slow + " --round-limit 5s");
    EXPECT_EQ(ended.exit_code, 4) << ended.output;
    EXPECT_TRUE(ended.printed("the limit is 5 s (--round-limit)")) << ended.output;
    const Ran finished = swarm_sim(slow + " --round-limit 60s");
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
}

TEST_F(NoRound, ALongTrainingDoesNotEndTheRun) {
    const std::string text = R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/><argument value="--ml-e=MIN_PEERS=1"/>
        <prop id="model.seconds_per_batch" value="3600"/><prop id="model.samples" value="320"/></actor>)";
    const Ran ran = swarm_sim(platform + " --quiet --round-limit 60s " + actors(text));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        2")) << ran.output;
}

TEST_F(NoRound, ATransferOverAVerySlowLinkMayTakeLongerThanSixHours) {
    // A segment of 256 KiB alone takes 7.7 hours.
    const std::string text = R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/><argument value="--ml-e=MIN_PEERS=2"/>
        <prop id="model.samples" value="32"/><prop id="model.parameters" value="131072"/></actor>
      <actor host="host-2" function="run-sl"><argument value="--name=sl2"/><argument value="--host-ip=172.2.2.2"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/><argument value="--ml-e=MIN_PEERS=2"/>
        <prop id="model.samples" value="32"/><prop id="model.parameters" value="131072"/></actor>)";
    const Ran ran = swarm_sim(two_hosts("bandwidth=\"80bps\" latency=\"10ms\"") + " --quiet " +
                              actors(text) + " --until 200000");
    EXPECT_FALSE(ran.printed("has been under way")) << ran.output;
    EXPECT_NE(ran.exit_code, 1) << ran.output;
}

TEST_F(NoRound, TheWatcherReportsTheProgressOfASlowRun) {
    // 200,000 simulated seconds of heartbeats take longer than 10 ms on any machine.
    const std::string text = R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/><argument value="--ml-e=MIN_PEERS=1"/>
        <prop id="model.seconds_per_batch" value="20000"/><prop id="model.samples" value="320"/></actor>)";
    const Ran ran = swarm_sim(platform + " --quiet --progress 0.01 " + actors(text));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed(" simulated seconds, ")) << ran.output;
    EXPECT_TRUE(ran.printed(" events, ")) << ran.output;
}

}  // namespace
}  // namespace starling::test
