// How an operator sees where a run begins and that it has ended: start lines in logs, swarm-logs
// -f, swarm-wait, and a stop after the end of the training.
#include <csignal>
#include <filesystem>

#include <sys/stat.h>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class RunEnd : public BackgroundSwarm {
protected:
    static void launch(std::vector<std::string> command) {
        command.emplace_back("-d");
        Program launcher(command);
        ASSERT_EQ(launcher.wait_exit(), 0) << launcher.output();
    }
    std::unique_ptr<Program> waiter(const std::vector<std::string>& words, int host = 1) const {
        std::vector<std::string> command = {bin("swarm-wait"),
                                            "--workspace=" + path("host-" + std::to_string(host))};
        command.insert(command.end(), words.begin(), words.end());
        return std::make_unique<Program>(command);
    }
    /// Waits until it holds a handle of the process that it waits for.
    static bool waits(const Program& waiter) {
        const auto limit = std::chrono::steady_clock::now() + Seconds(20);
        const std::string directory = "/proc/" + std::to_string(waiter.pid()) + "/fd";
        while (std::chrono::steady_clock::now() < limit) {
            std::error_code failed;
            for (std::filesystem::directory_iterator fd(directory, failed), end;
                 !failed && fd != end; fd.increment(failed)) {
                if (std::filesystem::read_symlink(fd->path(), failed) == "anon_inode:[pidfd]") {
                    return true;
                }
            }
        }
        return false;
    }
    std::string logs(const std::vector<std::string>& words) const {
        std::vector<std::string> command = {bin("swarm-logs"), "--workspace=" + path("host-1")};
        command.insert(command.end(), words.begin(), words.end());
        Program program(command);
        EXPECT_EQ(program.wait_exit(), 0) << program.output();
        return program.output();
    }
    std::vector<std::string> sl(int host, const std::string& flags) const {
        return sl_command(host, identity("sl" + std::to_string(host)), flags);
    }
};

TEST_F(RunEnd, ALogIsReadFromItsNewestStart) {
    const std::string ready = "Starting SWARM-API-SERVER on port";
    for (int i = 0; i < 2; ++i) {
        launch(sn_command(identity("sn1")));
        Program stop({bin("stop-swarm"), "--workspace=" + path("host-1")});
        ASSERT_EQ(stop.wait_exit(), 0) << stop.output();
    }
    EXPECT_EQ(count(logs({"sn1"}), ready), 2U);
    EXPECT_EQ(count(logs({"sn1", "-f", "--whole"}), ready), 2U);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"sn1", "-f"},
          std::vector<std::string>{"sn1", "--since-start"}}) {
        const std::string newest = logs(words);
        EXPECT_EQ(count(newest, ready), 1U) << newest;
        EXPECT_TRUE(holds(newest.substr(0, newest.find('\n')),
                          " : swarm.start : INFO : Start of sn 'sn1' by run-sn (Starling "))
            << newest;
    }
}

TEST_F(RunEnd, AProgramsLogIsAlsoReadFromItsNewestStart) {
    const auto sn = start_sn();
    const std::string final_line = "Final Swarm model was loaded";
    for (int i = 0; i < 2; ++i) {
        const auto sl1 = start_sl(1, "");
        const auto sl2 = start_sl(2, "");
        EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
        EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    }
    EXPECT_EQ(count(logs({"ml1"}), final_line), 2U);
    EXPECT_EQ(count(logs({"ml1", "-f"}), final_line), 1U);
    EXPECT_TRUE(holds(logs({"ml1", "-f"}), "Start of ML program 'ml1'")) << logs({"ml1", "-f"});
}

TEST_F(RunEnd, SwarmWaitEndsWithTheNodesAndTheirWorstCode) {
    launch(sn_command(identity("sn1")));
    const std::string flags = "--batches 1000000 --until " + path("enough");
    launch(sl(1, flags));
    auto command = sl(2, flags);
    command.emplace_back("--rm");
    launch(command);
    const auto both = waiter({"sl1", "ml1"});
    const auto removed = waiter({"sl2"}, 2);
    ASSERT_TRUE(waits(*both));
    ASSERT_TRUE(waits(*removed));
    write_text(path("enough"), "");
    EXPECT_EQ(both->wait_exit(), 0) << both->output();
    EXPECT_TRUE(holds(both->output(), "sl1 ended with exit code 0 after ")) << both->output();
    EXPECT_TRUE(holds(both->output(), "ml1 ended with exit code 0 after ")) << both->output();
    EXPECT_EQ(removed->wait_exit(), 0) << removed->output();
    EXPECT_TRUE(holds(removed->output(), "sl2 ended with exit code 0")) << removed->output();

    launch(sl(1, "--batches 1000000 --fail-at 400"));
    launch(sl(2, "--batches 1000000"));
    const auto failed = waiter({"sl1"});
    EXPECT_EQ(failed->wait_exit(), 1) << failed->output();
    EXPECT_TRUE(holds(failed->output(), "sl1 ended with exit code 1")) << failed->output();
    const auto aborted = waiter({"sl2"}, 2);
    EXPECT_EQ(aborted->wait_exit(), 4) << aborted->output();
}

TEST_F(RunEnd, SwarmWaitHasATimeLimitAndRejectsUnknownNodes) {
    launch(sn_command(identity("sn1")));
    const auto early = waiter({"sn1", "--timeout", "0"});
    EXPECT_EQ(early->wait_exit(), 124) << early->output();
    EXPECT_TRUE(holds(early->output(), "sn1 still runs at the --timeout")) << early->output();
    const auto unknown = waiter({"sn9"});
    EXPECT_EQ(unknown->wait_exit(), 2);
    EXPECT_TRUE(holds(unknown->output(), "no node or program called 'sn9' was started in " +
                                             path("host-1") + ": there are sn1"))
        << unknown->output();
    const auto nobody = waiter({});
    EXPECT_EQ(nobody->wait_exit(), 2) << nobody->output();
    const auto never = waiter({"sn1", "--timeout=soon"});
    EXPECT_EQ(never->wait_exit(), 2) << never->output();

    const auto killed = waiter({"sn1"});
    const std::string pid = read_text(path("host-1/run/sn1.pid"));
    ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
    EXPECT_EQ(killed->wait_exit(), 1) << killed->output();
    EXPECT_TRUE(holds(killed->output(), "sn1 ended without recording an exit status"))
        << killed->output();
}

TEST_F(RunEnd, AStopAfterTheTrainingWaitsUntilTheModelIsSaved) {
    ASSERT_EQ(::mkfifo(path("save").c_str(), 0600), 0);
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--save-at " + path("save"));
    const auto sl2 = start_sl(2, "");
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    Program log({bin("swarm-logs"), "ml1", "-f", "--workspace=" + path("host-1")});
    ASSERT_TRUE(log.wait_for("Final Swarm model was loaded")) << log.output();
    sl1->signal(SIGTERM);
    ASSERT_TRUE(
        sl1->wait_for("Asked to stop (SIGTERM): training is complete; stopping once ML "
                      "node 'ml1' has ended"))
        << sl1->output();
    write_text(path("save"), "");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_TRUE(holds(ml_log(1), "toy-ml ends with digest")) << ml_log(1);
}

TEST_F(RunEnd, TheBeginOfAnExchangeIsLogged) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--elements 300000");
    const auto sl2 = start_sl(2, "--elements 300000");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    const std::string begins = "Round 1: exchanging parameters of 1.2 MB among 2 members";
    const std::string& text = sl1->output();
    ASSERT_EQ(count(text, begins), 1U) << text;
    // During the exchange it is the last line, not an earlier one about a missing member.
    const std::size_t at = text.find(begins);
    const std::string during = text.substr(at, text.find("Round 1: merged", at) - at);
    EXPECT_FALSE(holds(during, "Waiting")) << text;
}

}  // namespace
}  // namespace starling::test
