#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

TEST_F(SwarmSim, TwoHostsTrainOneEpochAndAllNodesEndWithZero) {
    const Ran ran = swarm_sim(platform + " " + deployment + " --json " + path("j"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        8")) << ran.output;
    EXPECT_TRUE(ran.printed(" ml1 : SwarmCallback : INFO : ")) << ran.output;
    const std::string json = read(path("j"));
    EXPECT_NE(json.find("\"same_digests\": true"), std::string::npos) << json;
    EXPECT_NE(json.find("\"bytes_lost\": 0"), std::string::npos) << json;
}

TEST_F(SwarmSim, TwoRunsWithOneSeedWriteTheSameTrace) {
    const std::string common =
        platform + " " + deployment + " --quiet --seed 7 --fault 't=2s kill sl2' --trace ";
    swarm_sim(common + path("t1"));
    swarm_sim(common + path("t2"));
    const std::string trace = read(path("t1"));
    EXPECT_EQ(trace.rfind("# starling-trace 1 simulated seed=7\n", 0), 0u);
    EXPECT_GT(trace.size(), 2000u);
    EXPECT_EQ(trace, read(path("t2")));
}

TEST_F(SwarmSim, KilledHostEndsATwoMemberSwarmWithAborted) {
    const Ran ran = swarm_sim(platform + " " + deployment + " --quiet --fault 't=2s kill host-2'");
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("sl2 on host-2: killed by a fault")) << ran.output;
}

TEST_F(SwarmSim, ARecoveredHostTrainsOnlyWhatIsLeft) {
    const Ran ran =
        swarm_sim(platform + " " + deployment +
                  " --fault 't=4s kill host-2' --fault 't=6s restart host-2' --trace " + path("t"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        8")) << ran.output;  // as without the fault
    EXPECT_NE(read(path("t")).find("state_kept"), std::string::npos);
}

TEST_F(SwarmSim, NodesThatWaitForeverAreNamed) {
    const Ran ran = swarm_sim(platform + " --quiet " + actors(R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/></actor>)"));
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("wait for each other: sn1 sl1 ml1")) << ran.output;
}

TEST_F(SwarmSim, UntilEndsTheSimulation) {
    const Ran ran = swarm_sim(platform + " " + deployment + " --quiet --until 2");
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("2.000000 s simulated")) << ran.output;
}

TEST_F(SwarmSim, ModelPropertiesOfTheActorAreUsed) {
    const std::string text = R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl" start_time="3"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/><argument value="--ml-e=MIN_PEERS=1"/>
        <prop id="model.seconds_per_batch" value="1"/><prop id="model.samples" value="320"/></actor>)";
    const Ran ran = swarm_sim(platform + " --quiet " + actors(text));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("rounds        2")) << ran.output;
}

TEST_F(SwarmSim, UsageErrorsEndWithTwoAndNameTheError) {
    const std::string bad = actors("<actor host=\"host-1\" function=\"run-sn\"><oops");
    const struct {
        std::string arguments;
        std::string says;
    } cases[] = {
        {"none.xml " + deployment, "none.xml"},
        {platform + " none.xml", "none.xml"},
        {deployment + " " + platform, "platform first"},
        {platform + " " + bad, "d.xml:4"},
        {platform + " " + deployment + " --fault 'soon kill x'", "soon kill x"},
        {platform + " " + deployment + " --fault 't=1s cut moon'", "moon"},
        {platform + " " + deployment + " --fault 't=1s kill moon'", "moon"},
        {platform + " " + deployment + " --calibration none.json", "none.json"},
        {platform + " " + deployment + " --what", "--what"},
    };
    for (const auto& [arguments, says] : cases) {
        const Ran ran = swarm_sim("--quiet " + arguments);
        EXPECT_EQ(ran.exit_code, 2) << arguments << "\n" << ran.output;
        EXPECT_TRUE(ran.printed(says)) << arguments << "\n" << ran.output;
    }
}

TEST_F(SwarmSim, DeploymentErrorsNameActorHostAndFlag) {
    const struct {
        std::string actor;
        std::string says;
    } cases[] = {
        {R"(<actor host="host-9" function="run-sn"/>)", "host-9"},
        {R"(<actor host="host-1" function="run-it"/>)", "unknown function 'run-it'"},
        {R"(<actor host="host-1" function="run-apls"/>)", "--licence is missing"},
        {R"(<actor host="host-1" function="run-sn"><argument value="--foo=1"/></actor>)", "--foo"},
        {R"(<actor host="host-1" function="run-sn"><argument value="--host-ip=172.2.2.2"/></actor>)",
         "--host-ip 172.2.2.2 is not an address of host-1"},
        {R"(<actor host="host-1" function="run-sl"><argument value="--host-ip=172.1.1.1"/><argument value="--sn-ip=9.9.9.9"/></actor>)",
         "--sn-ip 9.9.9.9"},
        {R"(<actor host="host-1" function="ml"/>)", "sl"},
    };
    for (const auto& [actor, says] : cases) {
        const Ran ran = swarm_sim("--quiet " + platform + " " + actors(actor));
        EXPECT_EQ(ran.exit_code, 2) << actor << "\n" << ran.output;
        EXPECT_TRUE(ran.printed(says)) << actor << "\n" << ran.output;
    }
}

}  // namespace
}  // namespace starling::test
