// Nodes in the background: -d, --rm, swarm-ps, swarm-logs, and a ledger in a directory of its own.
#include <csignal>
#include <filesystem>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Background : public BackgroundSwarm {
protected:
    /// Starts it with -d; the launcher must exit with 0.
    static std::string launch(const std::vector<std::string>& command) {
        Program launcher(with(command, {"-d"}));
        EXPECT_EQ(launcher.wait_exit(), 0) << launcher.output();
        return launcher.output();
    }
    std::string run(const std::vector<std::string>& command, int code = 0) const {
        Program program(command);
        EXPECT_EQ(program.wait_exit(), code) << program.output();
        return program.output();
    }
    std::string ps(int host, const std::string& flag = "") const {
        std::vector<std::string> command = {bin("swarm-ps"),
                                            "--workspace=" + path("host-" + std::to_string(host))};
        if (!flag.empty()) {
            command.push_back(flag);
        }
        return run(command);
    }
    void stop(int host) const {
        run({bin("stop-swarm"), "--workspace=" + path("host-" + std::to_string(host))});
    }
    bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
    std::string pid_of(const std::string& name) const {
        const std::string text = read_text(path(name));
        return text.substr(0, text.find_first_of(" \n"));
    }
};

TEST_F(Background, ATrainingOutlivesItsTerminal) {
    launch(sn_command(identity("sn1")));
    EXPECT_TRUE(holds(ps(1), "running")) << ps(1);
    launch(sl_command(1, identity("sl1"), "--batches 200"));
    Program logs({bin("swarm-logs"), "sl1", "-f", "--workspace=" + path("host-1")});
    launch(sl_command(2, identity("sl2"), "--batches 200"));
    // swarm-logs -f ends when the node has.
    EXPECT_EQ(logs.wait_exit(), 0) << logs.output();
    EXPECT_TRUE(holds(logs.output(), "Successfully completed the initialization")) << logs.output();
    EXPECT_EQ(logs.output(), read_text(path("host-1/log/sl1.log")));
    EXPECT_TRUE(holds(ml_log(1), "Final Swarm model was loaded")) << ml_log(1);
    const std::string all = ps(1, "-a");
    EXPECT_TRUE(holds(all, "ended 0")) << all;
    EXPECT_FALSE(holds(ps(1), "sl1")) << ps(1);  // shows running nodes only
    stop(1);
    EXPECT_FALSE(holds(ps(1), "sn1")) << ps(1);
}

TEST_F(Background, RmRemovesTheRunsFiles) {
    launch(with(sn_command(identity("sn1")), {"--rm"}));
    EXPECT_TRUE(exists("host-1/log/sn1.log"));
    EXPECT_TRUE(exists("host-1/data/sn1/ledger.sqlite"));
    stop(1);
    EXPECT_FALSE(exists("host-1/log/sn1.log"));
    EXPECT_FALSE(exists("host-1/trace/sn1.trace"));
    EXPECT_FALSE(exists("host-1/data/sn1"));
    EXPECT_FALSE(holds(ps(1, "-a"), "sn1"));
}

TEST_F(Background, AKilledNodeIsShownAsDead) {
    launch(sn_command(identity("sn1")));
    const std::string json = ps(1, "--json");
    const std::size_t at = json.find("\"pid\": ");
    ASSERT_NE(at, std::string::npos) << json;
    const pid_t pid = std::stoi(json.substr(at + 7));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    std::string shown;
    for (int i = 0; i < 200 && !holds(shown, "dead"); ++i) {
        shown = ps(1, "-a");
    }
    EXPECT_TRUE(holds(shown, "dead")) << shown;
    // It can be restarted.
    launch(sn_command(identity("sn1")));
    EXPECT_TRUE(holds(ps(1), "running"));
}

TEST_F(Background, ASecondNodeWithTheSameNameIsRefused) {
    launch(sn_command(identity("sn1")));
    const std::string said = run(with(sn_command(identity("sn1")), {"-d"}), 1);
    EXPECT_TRUE(holds(said, "sn1")) << said;
    EXPECT_TRUE(holds(said, "already runs")) << said;
    EXPECT_TRUE(holds(ps(1), "running"));
}

TEST_F(Background, AFailedStartIsReportedByItsLauncher) {
    const std::string said = run(with(sn_command(identity("nobody")), {"-d"}), 3);
    EXPECT_TRUE(holds(said, "nobody")) << said;
}

TEST_F(Background, TheLedgerStaysInTheGivenVolume) {
    const std::vector<std::string> volume = {"-v", path("ledger") + ":/platform/swarm/SMLNODE",
                                             "--rm"};
    launch(with(sn_command(identity("sn1")), volume));
    stop(1);
    // --rm removes the run's files, but not the volume
    EXPECT_TRUE(exists("ledger/ledger.sqlite"));
}

TEST_F(Background, LogsOfAnUnknownNodeListTheKnownOnes) {
    launch(sn_command(identity("sn1")));
    const std::string said = run({bin("swarm-logs"), "sn9", "--workspace=" + path("host-1")}, 2);
    EXPECT_TRUE(holds(said, "sn9")) << said;
    EXPECT_TRUE(holds(said, "sn1")) << said;
}

}  // namespace
}  // namespace starling::test
