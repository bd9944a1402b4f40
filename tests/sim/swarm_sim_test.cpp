#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace starling {
namespace {

namespace fs = std::filesystem;
const std::string root = STARLING_ROOT;
const std::string platform = root + "/platforms/two_hosts.xml";
const std::string deployment = root + "/examples/cifar10/two_hosts.deploy.xml";

struct Ran {
    int exit_code = -1;
    std::string output;
    bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
};

Ran swarm_sim(const std::string& arguments) {
    const std::string command =
        std::string(SWARM_SIM) + " --cfg=" + SIM_CFG + " " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    Ran ran;
    char buffer[4096];
    for (std::size_t got = 0; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
        ran.output.append(buffer, got);
    }
    const int status = pclose(pipe);
    ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return ran;
}

class SwarmSim : public testing::Test {
protected:
    SwarmSim() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        dir_ = fs::temp_directory_path() / (std::string("starling_sim_") + test->name());
        fs::create_directories(dir_);
    }
    ~SwarmSim() override { fs::remove_all(dir_); }

    std::string file(const std::string& name, const std::string& text) {
        std::ofstream(dir_ / name) << text;
        return (dir_ / name).string();
    }
    std::string actors(const std::string& text) {
        return file("d.xml",
                    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                    "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n" +
                        text + "\n</platform>\n");
    }
    std::string path(const std::string& name) const { return (dir_ / name).string(); }
    static std::string read(const std::string& name) {
        std::ostringstream text;
        text << std::ifstream(name).rdbuf();
        return text.str();
    }

    fs::path dir_;
};

TEST_F(SwarmSim, TwoHostsTrainOneEpochAndAllNodesEndWithZero) {
    const Ran ran = swarm_sim(platform + " " + deployment + " --json " + path("j"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.says("rounds        8")) << ran.output;
    EXPECT_TRUE(ran.says(" ml1 : SwarmCallback : INFO : ")) << ran.output;
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
    EXPECT_TRUE(ran.says("sl2 on host-2: killed by a fault")) << ran.output;
}

TEST_F(SwarmSim, NodesThatWaitForEverAreNamed) {
    const Ran ran = swarm_sim(platform + " --quiet " + actors(R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/></actor>)"));
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.says("wait for each other: sn1 sl1 ml1")) << ran.output;
}

TEST_F(SwarmSim, UntilEndsTheSimulation) {
    const Ran ran = swarm_sim(platform + " " + deployment + " --quiet --until 2");
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.says("2.000000 s simulated")) << ran.output;
}

TEST_F(SwarmSim, ModelPropertiesOfTheActorAreUsed) {
    const std::string text = R"(
      <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/></actor>
      <actor host="host-1" function="run-sl" start_time="3"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
        <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=x"/><argument value="--ml-e=MIN_PEERS=1"/>
        <prop id="model.seconds_per_batch" value="1"/><prop id="model.samples" value="320"/></actor>)";
    const Ran ran = swarm_sim(platform + " --quiet " + actors(text));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.says("rounds        2")) << ran.output;
}

TEST_F(SwarmSim, UsageErrorsEndWithTwoAndNameTheFault) {
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
        EXPECT_TRUE(ran.says(says)) << arguments << "\n" << ran.output;
    }
}

TEST_F(SwarmSim, DeploymentErrorsNameActorHostAndFlag) {
    const struct {
        std::string actor;
        std::string says;
    } cases[] = {
        {R"(<actor host="host-9" function="run-sn"/>)", "host-9"},
        {R"(<actor host="host-1" function="run-it"/>)", "unknown function 'run-it'"},
        {R"(<actor host="host-1" function="run-apls"/>)", "licence server"},
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
        EXPECT_TRUE(ran.says(says)) << actor << "\n" << ran.output;
    }
}

}  // namespace
}  // namespace starling
