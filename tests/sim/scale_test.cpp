// Swarms from a few numbers: swarm-sim --scale.
#include <cstdlib>

#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

std::uint64_t number_after(const std::string& text, const std::string& key) {
    const std::size_t at = text.find(key);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + key.size(), nullptr, 10);
}

TEST_F(SwarmSim, EachSegmentOfTwoHundredHostsIsSentOnceAndNoByteIsLost) {
    const Ran ran =
        swarm_sim("--scale 200 --rounds 3 --parameters 1000000 --quiet --json " + path("j"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        3\n")) << ran.output;
    EXPECT_TRUE(ran.printed("none sent twice")) << ran.output;
    EXPECT_TRUE(ran.printed("401 ended with exit code 0, 0 did not")) << ran.output;
    // Three rounds, in which 199 members send and receive the model of 4 MB.
    EXPECT_EQ(number_after(ran.output, "segments      "), std::uint64_t{3} * 2 * 199 * 4'000'000);
    const std::string json = read(path("j"));
    EXPECT_EQ(number_after(json, "\"bytes_sent\": "),
              number_after(json, "\"bytes_delivered\": ") + number_after(json, "\"bytes_lost\": "));
    EXPECT_NE(json.find("\"same_digests\": true"), std::string::npos);
}

/// Without --json, which reports the use of each link, two hosts of SimGrid stand for all.
TEST_F(SwarmSim, AHostThatStandsForOthersChangesNothing) {
    const std::string run = "--scale 300 --rounds 2 --parameters 1000000 --quiet --trace ";
    const Ran stands = swarm_sim(run + path("t1"));
    const Ran each = swarm_sim(run + path("t2") + " --json " + path("j"));
    EXPECT_EQ(stands.exit_code, 0) << stands.output;
    EXPECT_EQ(read(path("t1")), read(path("t2")));
    const auto without_cost = [](const std::string& output) {
        return output.substr(0, output.find("\ncost"));
    };
    EXPECT_EQ(without_cost(stands.output), without_cost(each.output));
}

TEST_F(SwarmSim, ASwarmOfOneRoundMergesWhatItsMembersHaveTrained) {
    const Ran ran =
        swarm_sim("--scale 200 --rounds 1 --parameters 1000000 --quiet --trace " + path("t"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        1\n")) << ran.output;
    EXPECT_TRUE(ran.printed("none sent twice")) << ran.output;
    EXPECT_TRUE(ran.printed("401 ended with exit code 0, 0 did not")) << ran.output;
    EXPECT_EQ(number_after(ran.output, "segments      "), std::uint64_t{2} * 199 * 4'000'000);
    swarm_sim("--scale 200 --rounds 1 --parameters 1000000 --quiet --trace " + path("again"));
    EXPECT_EQ(read(path("t")), read(path("again")));
}

/// They train for six seconds first, in which they do not know how many they are.
TEST_F(SwarmSim, AThousandHostsAreToldToSendFewHeartbeatsBeforeTheirFirstRound) {
    const Ran ran = swarm_sim("--scale 1000 --rounds 1 --parameters 1000 --quiet");
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    const std::uint64_t messages = number_after(ran.output, "within hosts a round, ");
    EXPECT_GE(messages, 20U) << ran.output;
    EXPECT_LE(messages, 38U) << "a member; 43 with a heartbeat a second\n" << ran.output;
}

TEST_F(SwarmSim, HostsOfSitesAndOfAPlatformFileFormASwarm) {
    const Ran sites = swarm_sim("--scale 60 --scale-kind sites --rounds 2 --quiet");
    EXPECT_EQ(sites.exit_code, 0) << sites.output;
    EXPECT_TRUE(sites.printed("none sent twice")) << sites.output;
    const Ran file = swarm_sim(platform + " --scale 2 --rounds 2 --quiet");
    EXPECT_EQ(file.exit_code, 0) << file.output;
    const Ran few = swarm_sim(platform + " --scale 3 --rounds 2 --quiet");
    EXPECT_EQ(few.exit_code, 2);
    EXPECT_TRUE(few.printed("--scale 3: the platform has 2 hosts")) << few.output;
}

TEST_F(SwarmSim, ASwarmWithChurnEndsEveryRoundAndTheSameOnASecondRun) {
    const std::string common =
        "--scale 60 --churn 5 --rounds 4 --quiet --seed 3 --json " + path("j") + " --trace ";
    const Ran ran = swarm_sim(common + path("t1"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    // A member that was away at the end of its training may need a round more.
    EXPECT_GE(number_after(ran.output, "rounds        "), 4U) << ran.output;
    EXPECT_TRUE(ran.printed("121 ended with exit code 0, 0 did not")) << ran.output;
    EXPECT_GE(number_after(read(path("j")), "\"hosts_off\": "), 3U);
    swarm_sim(common + path("t2"));
    EXPECT_GT(read(path("t1")).size(), 2000U);
    EXPECT_EQ(read(path("t1")), read(path("t2")));
}

TEST_F(SwarmSim, ScaleRefusesWhatDoesNotFit) {
    EXPECT_EQ(swarm_sim("--scale 1").exit_code, 2);
    EXPECT_EQ(swarm_sim("--scale 4 --rounds 0").exit_code, 2);
    EXPECT_EQ(swarm_sim("--scale 4 --scale-kind ring").exit_code, 2);
    EXPECT_EQ(swarm_sim("--scale 4 --churn 1").exit_code, 2);
    EXPECT_EQ(swarm_sim("--scale 60 --churn 5 --rounds 1").exit_code, 2);
    EXPECT_EQ(swarm_sim(platform + " --scale 2 --churn 30").exit_code, 2);
    EXPECT_EQ(swarm_sim(platform + " " + deployment + " --scale 2").exit_code, 2);
    EXPECT_EQ(swarm_sim("").exit_code, 2);
}

}  // namespace
}  // namespace starling::test
