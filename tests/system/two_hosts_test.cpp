// The programs as a user runs them: one SN, two pairs of SL and ML, all real processes over mutual
// TLS.
#include <csignal>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

constexpr const char* final_line =
    "SwarmCallback : INFO : All peers and Swarm training rounds finished. Final Swarm model was "
    "loaded.";

/// The last 64 hexadecimal digits after `marker`.
std::string digest_behind(const std::string& text, const std::string& marker) {
    const std::size_t at = text.rfind(marker);
    return at == std::string::npos ? "" : text.substr(at + marker.size(), 64);
}

class TwoHosts : public SystemSwarm {
protected:
    /// Names of pid files, sockets and the like that a host's nodes left behind. The .state files,
    /// which tell how each ended, stay for swarm-ps.
    std::vector<std::string> left_behind(const std::string& host) const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path(host + "/run"))) {
            if (entry.path().filename() != ".lock" && entry.path().extension() != ".state") {
                names.push_back(entry.path().filename());
            }
        }
        return names;
    }
#ifdef STARLING_WITH_SIM
    /// The rehearsal of start_sn() and start_sl() on two hosts.
    std::vector<std::string> rehearsal_command(const std::string& flags) const {
        std::string deploy =
            "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
            "\"https://simgrid.org/simgrid.dtd\">\n"
            "<platform version=\"4.1\">\n";
        const auto actor = [&](const std::string& host, const std::vector<std::string>& command) {
            deploy += "<actor host=\"" + host + "\" function=\"" +
                      command[0].substr(command[0].rfind('/') + 1) + "\">\n";
            for (std::size_t i = 1; i < command.size(); ++i) {
                deploy += "<argument value=\"" + command[i] + "\"/>\n";
            }
            deploy += "</actor>\n";
        };
        const auto named = [](std::vector<std::string> command, const std::string& name) {
            command.push_back("--name=" + name);  // a simulation reads no certificates
            return command;
        };
        actor("host-1", named(sn_command(identity("sn1")), "sn1"));
        actor("host-1", named(sl_command(1, identity("sl1"), flags), "sl1"));
        actor("host-2", named(sl_command(2, identity("sl2"), flags), "sl2"));
        write_text(path("deploy.xml"), deploy + "</platform>\n");
        write_text(
            path("table.json"),
            R"({"workloads": {"toy": {"seconds_per_batch": 0.001, "startup_seconds": 0.01}}})");
        return {
            bin("toy-ml-sim"),  std::string(STARLING_SOURCE) + "/platforms/two_hosts_loopback.xml",
            path("deploy.xml"), "--calibration",
            path("table.json"), "--workspace",
            path("simulated"),  STARLING_SIM_FLAGS};
    }
#endif
};

TEST_F(TwoHosts, EndWithTheSameModelWhichIsTheLedgers) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--elements 500000");
    const auto sl2 = start_sl(2, "--elements 500000");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output() << ml_log(1);
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output() << ml_log(2);
    EXPECT_TRUE(holds(ml_log(1), final_line)) << ml_log(1);
    EXPECT_TRUE(holds(ml_log(2), final_line)) << ml_log(2);
    const std::string digest = digest_behind(ml_log(1), "ends with digest ");
    EXPECT_EQ(digest.size(), 64U);
    EXPECT_EQ(digest_behind(ml_log(2), "ends with digest "), digest);
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    EXPECT_TRUE(holds(read_text(path("host-1/trace/sn1.trace")), "digest=" + digest + " final=1"));
    EXPECT_EQ(left_behind("host-1"), std::vector<std::string>{});
    EXPECT_EQ(left_behind("host-2"), std::vector<std::string>{});
}

/// 8 MB: the ring is written several times.
TEST_F(TwoHosts, EndWithTheSameModelWithAndWithoutSharedMemory) {
    const std::string shares = "'ml1': large frames pass through shared memory";
    std::vector<std::string> digests;
    for (const bool socket_only : {false, true}) {
        const auto sn = start_sn();
        std::vector<std::string> command = sl_command(1, identity("sl1"), "--elements 2000000");
        if (socket_only) {
            command.emplace_back("--ml-socket-only");
        }
        Program sl1(command);
        const auto sl2 = start_sl(2, "--elements 2000000");
        EXPECT_EQ(sl1.wait_exit(), 0) << sl1.output();
        EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
        EXPECT_EQ(holds(sl1.output(), shares), !socket_only) << sl1.output();
        EXPECT_TRUE(holds(sl2->output(), "'ml2': large frames pass through shared memory"));
        digests.push_back(digest_behind(ml_log(1), "ends with digest "));
        EXPECT_EQ(digests.back().size(), 64U) << ml_log(1);
        expect_no_violation();
        sn->signal(SIGTERM);
        EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
        std::filesystem::remove_all(path("host-1"));
        std::filesystem::remove_all(path("host-2"));
    }
    EXPECT_EQ(digests[0], digests[1]);
}

#ifdef STARLING_WITH_SIM
TEST_F(TwoHosts, EndWithTheModelOfTheirRehearsal) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--elements 500000");
    const auto sl2 = start_sl(2, "--elements 500000");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    const std::string digest = digest_behind(ml_log(1), "ends with digest ");

    Program rehearsal(rehearsal_command("--elements 500000"));
    EXPECT_EQ(rehearsal.wait_exit(), 0) << rehearsal.output();
    EXPECT_EQ(digest_behind(rehearsal.output(), "ends with digest "), digest) << rehearsal.output();
}

TEST_F(TwoHosts, EndWithTheModelOfTheirRehearsalByAnyMergeRule) {
    for (const char* rule : {"coordinate-median", "geometric-median"}) {
        const std::string flags = "--elements 500000 --merge " + std::string(rule);
        const auto sn = start_sn();
        const auto sl1 = start_sl(1, flags);
        const auto sl2 = start_sl(2, flags);
        EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
        EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
        const std::string digest = digest_behind(ml_log(1), "ends with digest ");
        EXPECT_EQ(digest.size(), 64U) << ml_log(1);

        Program rehearsal(rehearsal_command(flags));
        EXPECT_EQ(rehearsal.wait_exit(), 0) << rehearsal.output();
        EXPECT_EQ(digest_behind(rehearsal.output(), "ends with digest "), digest)
            << rehearsal.output();
        sn->signal(SIGTERM);
        EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
        std::filesystem::remove_all(path("host-1"));
        std::filesystem::remove_all(path("host-2"));
        std::filesystem::remove_all(path("simulated"));
    }
}

TEST_F(TwoHosts, ARehearsedRestartOfAHostChangesNoBit) {
    Program undisturbed(rehearsal_command("--batches 400"));
    EXPECT_EQ(undisturbed.wait_exit(), 0) << undisturbed.output();
    std::vector<std::string> command = rehearsal_command("--batches 400");
    for (const std::string fault : {"t=500ms kill host-2", "t=900ms restart host-2"}) {
        command.insert(command.end(), {"--fault", fault});
    }
    Program killed(command);
    EXPECT_EQ(killed.wait_exit(), 0) << killed.output();
    EXPECT_TRUE(holds(killed.output(), "Resuming where an earlier start stopped: 0 epochs"))
        << killed.output();
    const std::string digest = digest_behind(undisturbed.output(), "ends with digest ");
    EXPECT_EQ(digest.size(), 64U);
    EXPECT_EQ(digest_behind(killed.output(), "ends with digest "), digest);
}
#endif

TEST_F(TwoHosts, MergeByARuleOfTheirProgramsOwn) {
    const std::string flags = "--elements 200000 --merge toy-first:factor=0.5";
    const auto sn = start_sn();
    const auto with_rule = [&](int host) {
        std::vector<std::string> command =
            sl_command(host, identity("sl" + std::to_string(host)), flags);
        command.front() = bin("toy-run-sl");
        return std::make_unique<Program>(command);
    };
    const auto sl1 = with_rule(1);
    const auto sl2 = with_rule(2);
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    EXPECT_TRUE(holds(sl1->output(), "merge toy-first:factor=0.5")) << sl1->output();
    EXPECT_EQ(digest_behind(ml_log(2), "ends with digest "),
              digest_behind(ml_log(1), "ends with digest "));

    const auto without = start_sl(1, flags);
    EXPECT_NE(without->wait_exit(), 0);
    EXPECT_TRUE(holds(without->output(), "this SL has no merge rule 'toy-first'"))
        << without->output();
}

TEST_F(TwoHosts, AKilledMlProcessIsNamedAndTheOtherHostWaitsUntilTheLimit) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100000000 --wait-limit 3");
    const auto sl2 = start_sl(2, "--batches 100000000 --wait-limit 3");
    ASSERT_TRUE(sl2->wait_for("Round 1: merged 2 members")) << sl2->output();
    const std::vector<pid_t> children = sl2->children();
    ASSERT_EQ(children.size(), 1U);
    ASSERT_EQ(::kill(children.front(), SIGKILL), 0);
    EXPECT_EQ(sl2->wait_exit(Seconds(30)), 5) << sl2->output();
    EXPECT_TRUE(holds(sl2->output(), "its ML node 'ml2' was lost")) << sl2->output();
    EXPECT_TRUE(holds(sl2->output(), "ended by signal 9")) << sl2->output();
    EXPECT_EQ(sl1->wait_exit(Seconds(30)), 4) << sl1->output();
    EXPECT_TRUE(holds(sl1->output(), "the wait limit of 3 s is over: 1 of min_peers 2"))
        << sl1->output();
    EXPECT_TRUE(holds(ml_log(1), "the wait limit of 3 s is over")) << ml_log(1);
}

TEST_F(TwoHosts, AnOperatorsStopIsCleanOnAllNodes) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100000000");
    const auto sl2 = start_sl(2, "--batches 100000000");
    ASSERT_TRUE(sl1->wait_for("Round 1: merged 2 members")) << sl1->output();
    sl1->signal(SIGINT);
    EXPECT_EQ(sl1->wait_exit(Seconds(30)), 4) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(Seconds(30)), 4) << sl2->output();
    EXPECT_TRUE(holds(sl2->output(), "stopped by the operator")) << sl2->output();
    Program stop({bin("stop-swarm"), "--all", "--workspace", path("host-1")});
    EXPECT_EQ(stop.wait_exit(), 0) << stop.output();
    EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    EXPECT_EQ(left_behind("host-1"), std::vector<std::string>{});
}

TEST_F(TwoHosts, AFailingProgramIsNamedOnBothHosts) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 100000000");
    const auto sl2 = start_sl(2, "--batches 1000 --fail-at 40");
    EXPECT_EQ(sl2->wait_exit(), 1) << sl2->output();
    EXPECT_EQ(sl1->wait_exit(), 4) << sl1->output();
    EXPECT_TRUE(holds(sl1->output(), "told to fail at batch 40")) << sl1->output();
}

TEST_F(TwoHosts, ARestartedSnKeepsItsLedger) {
    auto sn = start_sn();
    {
        const auto sl1 = start_sl(1, "");
        const auto sl2 = start_sl(2, "");
        EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
        EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    }
    sn->signal(SIGKILL);
    sn->wait_exit();
    sn = start_sn();
    EXPECT_TRUE(holds(sn->output(), "Recovered")) << sn->output();
    const auto sl1 = start_sl(1, "");
    const auto sl2 = start_sl(2, "");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
}

}  // namespace
}  // namespace starling::test
