// SimGrid's own failure profiles in a simulation.
#include <cstring>

#include "core/ml/swarm.hpp"
#include "tests/sim/sim_scenario.hpp"
#include "tests/sim/swarm_sim.hpp"

namespace starling::test {
namespace {

class Profiles : public SwarmSim {
protected:
    /// two_hosts.xml, with a profile for host-2 and one for its link.
    std::string failing(const std::string& host_2, const std::string& wan = "") {
        std::string text = read(platform);
        file("host-2.profile", host_2);
        const std::string host = "<host id=\"host-2\" speed=\"1Gf\"";
        text.replace(text.find(host), host.size(), host + " state_file=\"host-2.profile\"");
        if (!wan.empty()) {
            file("wan.profile", wan);
            const std::string link = "<link id=\"wan\"";
            text.replace(text.find(link), link.size(), link + " state_file=\"wan.profile\"");
        }
        return file("p.xml", text);
    }
    static constexpr const char* steady = "0 1\n";
};

TEST_F(Profiles, AHostThatRecoversResumes) {
    const Ran ran = swarm_sim(failing("2 0\n5 1\n") + " " + deployment + " --json " + path("j"));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("host host-2 went off")) << ran.output;
    EXPECT_TRUE(
        ran.printed("hosts off 1, on again 1; links down 0, up again 0; nodes killed 2, "
                    "restarted 2"))
        << ran.output;
    EXPECT_TRUE(ran.printed("ml2 on host-2: exit code 0, restarted 1 time")) << ran.output;
    const std::string json = read(path("j"));
    for (const char* field : {"\"hosts_off\": 1,", "\"nodes_restarted\": 2,", "\"elections\": 1,",
                              "\"attempts_max\": ", "\"longest_pause_seconds\": "}) {
        EXPECT_NE(json.find(field), std::string::npos) << field << json;
    }
}

TEST_F(Profiles, AStochasticProfileIsRefusedWithWhatToUseInstead) {
    const Ran ran =
        swarm_sim(failing("STOCHASTIC LOOP\nDET 2 DET 0\nEXP 1 DET 1\n") + " " + deployment);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_TRUE(ran.printed("platforms/generate --churn --seed")) << ran.output;
}

TEST_F(Profiles, AnSlThatIsKilledAfterItsProgramHasEndedIsNotStartedAgain) {
    const Ran whole =
        swarm_sim(failing(steady) + " " + deployment + " --quiet --json " + path("j"));
    ASSERT_EQ(whole.exit_code, 0) << whole.output;
    const std::string json = read(path("j"));
    const std::string field = "\"last_result\": ";
    const double end = std::stod(json.substr(json.rfind(field) + field.size()));
    // The program has ended by then, and its SL says goodbye to the SN.
    const Ran ran = swarm_sim(
        failing(std::to_string(end + 0.01) + " 0\n" + std::to_string(end + 5.0) + " 1\n") + " " +
        deployment);
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("nodes killed 1, restarted 0")) << ran.output;
    EXPECT_TRUE(ran.printed("ml2 on host-2: exit code 0\n")) << ran.output;
}

TEST_F(Profiles, TheOthersWaitForAHostThatRecoversInHours) {
    const Ran ran = swarm_sim(failing("2 0\n9000 1\n") + " " + deployment + " --quiet");
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("longest pause 89")) << ran.output;
}

TEST_F(Profiles, TheOthersDoNotWaitForAHostThatNeverRecovers) {
    const Ran ran = swarm_sim(failing("2 0\n") + " " + deployment + " --quiet");
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("wait for each other: sn1 sl1 ml1")) << ran.output;
}

TEST_F(Profiles, ALinkThatKeepsFailingDoesNotPreventTheEnd) {
    const Ran ran =
        swarm_sim(failing(steady, "2 0\n4 1\nLOOPAFTER 3\n") + " " + deployment + " --quiet");
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("links down 2, up again 2") ||
                ran.printed("links down 3, up again 2") || ran.printed("links down 3, up again 3"))
        << ran.output;
}

TEST_F(Profiles, HostsThatFailBeforeTheyCanTrainEndTheRunWithAMessage) {
    const Ran ran =
        swarm_sim(failing("0.5 0\n0.6 1\nLOOPAFTER 0\n") + " " + deployment + " --quiet");
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("ml2 was restarted repeatedly")) << ran.output;
}

TEST_F(Profiles, ARunThatEndsWhileAllNodesAreOffHasNotSucceeded) {
    const std::string host = "<actor host=\"host-2\" function=\"";
    const std::string address = "<argument value=\"--host-ip=172.2.2.2\"/>";
    const Ran ran = swarm_sim(
        failing("0.5 0\n0.6 1\nLOOPAFTER 0\n") + " --quiet " +
        actors(host + "run-sn\">" + address + "</actor>" + host + "run-sl\">" + address +
               "<argument value=\"--sn-ip=172.2.2.2\"/><argument value=\"--ml-entrypoint=x\"/>"
               "<argument value=\"--ml-e=MIN_PEERS=1\"/></actor>"));
    EXPECT_EQ(ran.exit_code, 4) << ran.output;
    EXPECT_TRUE(ran.printed("was restarted repeatedly")) << ran.output;
}

TEST_F(Profiles, AnActorStartsWhenItsHostIsFirstOn) {
    const Ran ran = swarm_sim(failing("0 0\n4 1\n") + " " + deployment);
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("[    4.000000] sl2 : swarm.SL : INFO : Setting up")) << ran.output;
}

TEST_F(Profiles, AnActorStartsWhenItsHostRecoversAfterTheStartTime) {
    std::string text = read(deployment);
    const std::string actor = "<actor host=\"host-2\"";
    text.replace(text.find(actor), actor.size(), actor + " start_time=\"3\"");
    const Ran ran = swarm_sim(failing("1 0\n6 1\n") + " " + file("late.xml", text));
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("[    6.000000] sl2 : swarm.SL : INFO : Setting up")) << ran.output;
}

class OneFloat final : public ModelParameters {
public:
    OneFloat() : layout_(*ParamLayout::make({TensorSpec{"w", DType::f32, {1}, 0}})) {}
    const ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override {
        std::memcpy(out.data(), &value, sizeof(value));
    }
    void load(std::span<const Blob> segments) override {
        copy_bytes(segments, 0, std::as_writable_bytes(std::span(&value, 1)));
    }
    float value = 0.0F;

private:
    ParamLayout layout_;
};

/// Each batch adds one, so a lost model would be noticed.
void count_batches(SwarmSession& session) {
    OneFloat parameters;
    SwarmCallbackOptions options;
    options.sync_frequency = 10;
    options.workload = "w";
    SwarmCallback callback(session, parameters, options);
    callback.on_train_begin();
    for (int i = 0; i < 200; ++i) {
        parameters.value += 1.0F;
        callback.on_batch_end(1.0);
    }
    callback.on_train_end();
}

TEST_F(Profiles, ARealProgramIsRestartedWithItsHost) {
    Scenario scenario{failing("4 0\n6 1\n"), deployment};
    scenario.train = count_batches;
    scenario.workspace = path("workspace");
    scenario.calibration.workloads["w"] = {0.02, 0.8};
    EXPECT_EQ(run_scenario(scenario,
                           [](const ScenarioRun& run) {
                               std::string wrong = one_final_model(run) + one_ledger(run);
                               if (run.outcome.faults.nodes_restarted() != 2) {
                                   wrong += "nothing was started again\n";
                               }
                               // It resumes: rounds before the fault are not repeated.
                               const auto ends = run.trace.named("sync_end", "ml2");
                               int round = -1;
                               for (const auto& end : ends) {
                                   if (std::stoi(field(end, "round")) < round) {
                                       wrong += "ml2 went back\n";
                                   }
                                   round = std::stoi(field(end, "round"));
                               }
                               return wrong;
                           }),
              "");
}

TEST_F(Profiles, CanBeDisabled) {
    const Ran ran =
        swarm_sim(failing("2 0\n", "3 0\n") + " " + deployment + " --quiet --no-profiles");
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_FALSE(ran.printed("faults")) << ran.output;
}

TEST_F(Profiles, OfPlatformsThatSimGridWouldAbortOnAreUsageErrors) {
    const std::string p = failing(steady);
    fs::remove(path("host-2.profile"));
    const Ran ran = swarm_sim(p + " " + deployment + " --quiet");
    EXPECT_EQ(ran.exit_code, 2) << ran.output;
    EXPECT_TRUE(ran.printed("host-2.profile")) << ran.output;
}

TEST_F(Profiles, ErrorsOfARewrittenPlatformNameTheUsersFile) {
    std::string text = read(failing(steady, "2 0\n"));
    text.insert(text.find("<route"), "<oops/>");
    const Ran ran = swarm_sim(file("bad.xml", text) + " " + deployment + " --quiet");
    EXPECT_EQ(ran.exit_code, 2) << ran.output;
    EXPECT_TRUE(ran.printed("bad.xml:")) << ran.output;
}

}  // namespace
}  // namespace starling::test
