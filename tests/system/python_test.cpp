// Training programs in Python (deploy/python) as members of swarms: real processes that run-sl
// starts.
#include <csignal>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class PythonPrograms : public SystemSwarm {
protected:
    void SetUp() override {
        Program numpy({"/usr/bin/python3", "-m", "numpy.version"});
        if (numpy.wait_exit(Seconds(60)) != 0) {
            GTEST_SKIP() << "numpy is not installed (python3-numpy)";
        }
    }
    /// run-sl with a Python program; `script` is relative to the sources.
    std::vector<std::string> python_command(int host, const std::string& script,
                                            const std::string& flags,
                                            const std::vector<std::string>& more = {}) const {
        std::vector<std::string> command =
            sl_command(host, identity("sl" + std::to_string(host)), "");
        std::erase_if(command,
                      [](const std::string& word) { return word.starts_with("--ml-entry"); });
        command.push_back("--ml-entrypoint=/usr/bin/python3");  // Debian's, with numpy
        command.push_back("--ml-cmd=" + std::string(STARLING_SOURCE) + "/" + script + " " + flags);
        command.push_back("--ml-e=PYTHONPATH=" + std::string(STARLING_PYTHON_PACKAGE));
        return with(std::move(command), more);
    }
    std::unique_ptr<Program> start_python(int host, const std::string& script,
                                          const std::string& flags,
                                          const std::vector<std::string>& more = {}) const {
        return std::make_unique<Program>(python_command(host, script, flags, more));
    }
    std::unique_ptr<Program> start_toy(int host, const std::string& flags) const {
        return start_python(host, "tests/python/toy.py", flags);
    }
    static bool has_torch() {
        Program torch({"/usr/bin/python3", "-m", "torch.version"});
        return torch.wait_exit(Seconds(60)) == 0;
    }
    std::string digest(int host) const {
        const std::string log = ml_log(host);
        const std::size_t at = log.rfind(marker);
        return at == std::string::npos ? "" : log.substr(at + marker.size(), 64);
    }
    void expect_one_digest(Program& first, Program& second) const {
        EXPECT_EQ(first.wait_exit(Seconds(120)), 0) << first.output() << ml_log(1);
        EXPECT_EQ(second.wait_exit(Seconds(120)), 0) << second.output() << ml_log(2);
        EXPECT_EQ(digest(1).size(), 64U) << ml_log(1);
        EXPECT_EQ(digest(1), digest(2)) << ml_log(2);
        for (const int host : {1, 2}) {
            EXPECT_TRUE(holds(ml_log(host),
                              "All peers and Swarm training rounds finished. Final "
                              "Swarm model was loaded."))
                << ml_log(host);
        }
    }
    using Start = std::function<std::unique_ptr<Program>(int host)>;
    /// The final digest of a training in which no program is killed; removes what it has left.
    std::string undisturbed_digest(const Start& start) {
        const auto sn = start_sn();
        const auto first = start(1);
        const auto second = start(2);
        expect_one_digest(*first, *second);
        const std::string undisturbed = digest(1);
        for (const char* host : {"host-1", "host-2"}) {
            std::filesystem::remove_all(path(host));
        }
        return undisturbed;
    }
    /// Kills the program of member 2 after each of these rounds, and starts it again.
    void expect_that_kills_change_no_bit(const Start& start, const std::vector<int>& rounds) {
        const std::string undisturbed = undisturbed_digest(start);
        const auto sn = start_sn();
        const auto first = start(1);
        auto second = start(2);
        for (const int round : rounds) {
            ASSERT_TRUE(second->wait_for("Round " + std::to_string(round) + ": merged"))
                << second->output() << ml_log(2);
            const auto children = second->children();
            ASSERT_EQ(children.size(), 1U);
            ASSERT_EQ(::kill(children.front(), SIGKILL), 0);
            EXPECT_EQ(second->wait_exit(), 5) << second->output();
            second = start(2);
        }
        expect_one_digest(*first, *second);
        EXPECT_EQ(digest(1), undisturbed);
        EXPECT_EQ(count(ml_log(2), "Resuming where an earlier start stopped"), rounds.size())
            << ml_log(2);
    }

#ifdef STARLING_WITH_SIM
    static std::string actor(const std::string& host, const std::string& function,
                             const std::vector<std::string>& arguments) {
        std::string text = "<actor host=\"host-" + host + "\" function=\"" + function + "\">";
        for (const std::string& argument : arguments) {
            text += "<argument value=\"" + argument + "\"/>";
        }
        return text + "</actor>\n";
    }
    /// Runs the programs of these commands of run-sl in a simulation. \return  the final digest.
    std::string rehearse(const std::vector<std::vector<std::string>>& commands) const {
        std::string actors =
            actor("1", "run-sn", {"--name=sn1", "--host-ip=172.1.1.1", "--sentinel"});
        for (std::size_t i = 0; i < commands.size(); ++i) {
            const std::string n = std::to_string(i + 1);
            std::vector<std::string> words = {
                "--name=sl" + n, "--host-ip=172." + n + "." + n + "." + n, "--sn-ip=172.1.1.1"};
            std::copy_if(commands[i].begin(), commands[i].end(), std::back_inserter(words),
                         [](const std::string& word) {
                             return word.starts_with("--ml-") && !word.starts_with("--ml-w=");
                         });
            actors += actor(n, "run-sl", words);
        }
        EXPECT_TRUE(
            write_file(path("deploy.xml"),
                       "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                       "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n" +
                           actors + "</platform>\n",
                       FileMode::readable));
        EXPECT_TRUE(write_file(path("table.json"),
                               R"({"workloads": {"default": {"seconds_per_batch": 0.01},
                                   "toy": {"seconds_per_batch": 0.01},
                                   "cifar10.py/tiny/32": {"seconds_per_batch": 0.02}}})",
                               FileMode::readable));
        Program simulator(
            {bin("swarm-sim"), std::string(STARLING_SOURCE) + "/platforms/two_hosts.xml",
             path("deploy.xml"), "--run-programs", "--calibration", path("table.json"),
             "--workspace", path("simulated"), "--quiet", STARLING_SIM_FLAGS});
        EXPECT_EQ(simulator.wait_exit(Seconds(240)), 0) << simulator.output();
        const std::string before = "final digest  ";
        const std::size_t at = simulator.output().find(before);
        return at == std::string::npos ? "" : simulator.output().substr(at + before.size(), 64);
    }
#endif

    std::string marker = "ends with digest ";  ///< before the final digest
};

TEST_F(PythonPrograms, TwoMembersEndWithOneModel) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "--elements 300000");
    const auto second = start_toy(2, "--elements 300000");
    expect_one_digest(*first, *second);
    sn->signal(SIGTERM);
    sn->wait_exit();
    expect_no_violation();
}

TEST_F(PythonPrograms, AMemberInCppAndOneInPythonEndWithOneModel) {
    const auto sn = start_sn();
    const auto first = start_sl(1, "--elements 300000");
    const auto second = start_toy(2, "--elements 300000");
    expect_one_digest(*first, *second);
}

TEST_F(PythonPrograms, LoopsThatReceiveAndSendEndWithOneModel) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "--form loop");
    const auto second = start_toy(2, "--form loop");
    expect_one_digest(*first, *second);
}

TEST_F(PythonPrograms, ObjectsOfNumPyClientsShapeEndWithOneModel) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "--form client");
    const auto second = start_toy(2, "--form client");
    EXPECT_EQ(first->wait_exit(Seconds(60)), 0) << first->output() << ml_log(1);
    EXPECT_EQ(second->wait_exit(Seconds(60)), 0) << second->output() << ml_log(2);
    const auto crc = [&](int host) {
        const std::string log = ml_log(host);
        const std::size_t at = log.rfind("ends with crc ");
        return at == std::string::npos ? "none" : log.substr(at, log.find('\n', at) - at);
    };
    EXPECT_NE(crc(1), "none") << ml_log(1);
    EXPECT_EQ(crc(1), crc(2));
    EXPECT_TRUE(holds(ml_log(1), "Evaluation after round 1: loss")) << ml_log(1);
}

TEST_F(PythonPrograms, AnotherTypeThanTheOtherMembersIsNamed) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "");
    ASSERT_TRUE(sn->wait_for("Node 'sl1' starts contract 'default'")) << sn->output();
    const auto second = start_toy(2, "--dtype float64");
    EXPECT_EQ(second->wait_exit(), 3) << second->output();
    EXPECT_TRUE(holds(ml_log(2), "'weight' F32 100000 against 'weight' F64 100000")) << ml_log(2);
    EXPECT_TRUE(holds(ml_log(2), "swarmlearning.client.swarm.SwarmError")) << ml_log(2);
}

TEST_F(PythonPrograms, NanIsNamedAndKeptOutOfTheModel) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "");
    const auto second = start_toy(2, "--nan-at 20");
    expect_one_digest(*first, *second);
    EXPECT_TRUE(holds(second->output(), "contain NaN or infinity (first in tensor 'weight')"))
        << second->output();
}

TEST_F(PythonPrograms, AnExceptionIsInTheLogAndKnownToTheSl) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "--fail-at 20");
    const auto second = start_toy(2, "--batches 17");
    EXPECT_EQ(first->wait_exit(), 1) << first->output();
    EXPECT_TRUE(holds(ml_log(1), "Traceback (most recent call last):")) << ml_log(1);
    EXPECT_TRUE(holds(ml_log(1), "ValueError: told to fail at batch 20")) << ml_log(1);
    EXPECT_TRUE(
        holds(first->output(), "the training program failed: ValueError: told to fail at batch 20"))
        << first->output();
}

TEST_F(PythonPrograms, AnEndWithoutOnTrainEndIsNamed) {
    const auto sn = start_sn();
    const auto first = start_toy(1, "--without-end");
    const auto second = start_toy(2, "--batches 17");
    EXPECT_EQ(first->wait_exit(), 1) << first->output();
    EXPECT_TRUE(holds(first->output(), "it must call on_train_end()")) << first->output();
}

TEST_F(PythonPrograms, KillsChangeNoBitOfAModelInNumpy) {
    expect_that_kills_change_no_bit(
        [this](int host) { return start_toy(host, "--elements 200000 --batches 800"); }, {10, 25});
}

TEST_F(PythonPrograms, ScriptsOfHpesShapeEndWithOneModel) {
    if (!has_torch()) {
        GTEST_SKIP() << "torch is not installed (python3-torch)";
    }
    const auto sn = start_sn();
    const auto first = start_python(1, "tests/python/hpe_shape.py", "");
    const auto second = start_python(2, "tests/python/hpe_shape.py", "");
    expect_one_digest(*first, *second);
    EXPECT_TRUE(holds(ml_log(1), "Validation: loss")) << ml_log(1);
    EXPECT_TRUE(holds(ml_log(1), "2 epochs; the script ends")) << ml_log(1);
}

TEST_F(PythonPrograms, KillsChangeNoBitOfAModelInTorch) {
    if (!has_torch()) {
        GTEST_SKIP() << "torch is not installed (python3-torch)";
    }
    marker = "digest sha256:";
    expect_that_kills_change_no_bit(
        [this](int host) {
            return start_python(host, "examples/cifar10/model/cifar10.py",
                                "--drawn-train 1280 --drawn-test 100 --sync-frequency 4",
                                {"--ml-e=MAX_EPOCHS=2"});
        },
        {3, 7});  // of 10 rounds, in the first epoch and in the second
}

#ifdef STARLING_WITH_SIM
TEST_F(PythonPrograms, ARehearsalOfAMixedSwarmEndsWithItsDigest) {
    const auto sn = start_sn();
    const std::vector<std::vector<std::string>> commands = {
        sl_command(1, identity("sl1"), "--elements 300000"),
        python_command(2, "tests/python/toy.py", "--elements 300000")};
    Program first(commands[0]);
    Program second(commands[1]);
    expect_one_digest(first, second);
    EXPECT_EQ(rehearse(commands), digest(1));
}

TEST_F(PythonPrograms, ARehearsalOfTheExampleEndsWithItsDigest) {
    if (!has_torch()) {
        GTEST_SKIP() << "torch is not installed (python3-torch)";
    }
    marker = "digest sha256:";
    const auto sn = start_sn();
    std::vector<std::vector<std::string>> commands;
    for (const int host : {1, 2}) {
        commands.push_back(python_command(host, "examples/cifar10/model/cifar10.py",
                                          "--drawn-train 1280 --drawn-test 100 --sync-frequency 8",
                                          {"--ml-e=MAX_EPOCHS=1"}));
    }
    Program first(commands[0]);
    Program second(commands[1]);
    expect_one_digest(first, second);
    EXPECT_EQ(rehearse(commands), digest(1));
}
#endif

}  // namespace
}  // namespace starling::test
