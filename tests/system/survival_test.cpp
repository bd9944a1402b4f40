// Real processes that are killed while a swarm trains, and restarted: the training completes, and
// all nodes end with the same bytes.
#include <csignal>
#include <filesystem>

#include "tests/support/sanitizers.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

// 100 rounds of five segments, with sanitizers of two.
constexpr const char* training =
    with_sanitizers ? "--elements 80000 --batches 1600" : "--elements 300000 --batches 1600";

class Survival : public SystemSwarm {
protected:
    Survival() {
        issue("sn2", Role::sn, ca);
        issue("sn3", Role::sn, ca);
    }
    std::string sn_host(int n) const {
        return "127.0." + std::to_string(n) + "." + std::to_string(n);
    }

    std::vector<std::string> server_command(int n) const {
        const std::string name = "sn" + std::to_string(n);
        std::vector<std::string> command = {bin("run-sn"), "--host-ip=" + sn_host(n),
                                            "--sn-api-port=" + std::to_string(sn_port),
                                            "--workspace=" + path("host-" + std::to_string(n))};
        command.push_back(n == 1 ? "--sentinel"
                                 : "--sentinel-ip=" + sn_host(1) + ":" + std::to_string(sn_port));
        for (const std::string& flag : identity(name)) {
            command.push_back(flag);
        }
        return command;
    }
    void start_server(int n) {
        servers[n] = std::make_unique<Program>(server_command(n));
        ASSERT_TRUE(servers[n]->wait_for("Starting SWARM-API-SERVER on port"))
            << servers[n]->output();
    }
    void start_servers() {
        for (int n = 1; n <= 3; ++n) {
            start_server(n);
        }
    }
    /// Each starts with the SN of its own host.
    void start_pair(int n) {
        std::vector<std::string> command = sl_command(n, identity("sl" + std::to_string(n)), flags);
        std::erase_if(command, [](const std::string& word) {
            return word.starts_with("--sn-ip") || word.starts_with("--ml-entrypoint");
        });
        command.push_back("--ml-entrypoint=" + bin(program));
        for (int i = 0; i < static_cast<int>(servers.size()); ++i) {
            command.push_back("--sn-ip=" +
                              sn_host((n - 1 + i) % static_cast<int>(servers.size()) + 1));
        }
        pairs[n] = std::make_unique<Program>(command);
    }
    void start_pairs() {
        start_pair(1);
        start_pair(2);
    }
    void wait_for_round(int n, int round) {
        ASSERT_TRUE(pairs[n]->wait_for("Round " + std::to_string(round) + ": merged"))
            << pairs[n]->output();
    }
    void kill_pair(int n) {
        pairs[n]->signal(SIGKILL);
        EXPECT_EQ(pairs[n]->wait_exit(), 128 + SIGKILL);
    }
    void kill_server(int n) {
        servers[n]->signal(SIGKILL);
        EXPECT_EQ(servers[n]->wait_exit(), 128 + SIGKILL);
    }
    int leader() {
        int leads = 1;
        std::string newest;
        for (auto& [n, server] : servers) {
            server->drain();
            const std::size_t at = server->output().rfind("This SN leads the ledger, term ");
            if (at != std::string::npos) {
                const std::string term = server->output().substr(at + 31, 8);
                if (newest.empty() || std::stoi(term) > std::stoi(newest)) {
                    newest = term;
                    leads = n;
                }
            }
        }
        return leads;
    }
    std::string final_digest(const std::string& text) const {
        const std::size_t at = text.rfind(marker);
        return at == std::string::npos ? "" : text.substr(at + marker.size(), 64);
    }
    /// The final digest of an undisturbed training.
    std::string undisturbed_digest() {
        start_server(1);
        start_pairs();
        expect_one_final_model();
        std::string digest = final_digest(ml_log(1));
        servers.clear();
        pairs.clear();
        for (const char* host : {"host-1", "host-2"}) {
            std::filesystem::remove_all(path(host));
        }
        return digest;
    }
    /// Kills SLs and programs: the final model is that of an undisturbed training.
    void kill_and_compare();
    void expect_one_final_model() {
        for (auto& [n, pair] : pairs) {
            EXPECT_EQ(pair->wait_exit(Seconds(120)), 0) << pair->output() << ml_log(n);
        }
        EXPECT_EQ(final_digest(ml_log(1)).size(), 64U) << ml_log(1);
        EXPECT_EQ(final_digest(ml_log(1)), final_digest(ml_log(2)));
        for (auto& [n, server] : servers) {
            server->signal(SIGTERM);
            server->wait_exit();  // some have ended already
        }
        expect_no_violation();
    }

    std::string program = "toy-ml";
    std::string flags = training;
    std::string marker = "ends with digest ";  ///< before the final digest
    std::map<int, std::unique_ptr<Program>> servers;
    std::map<int, std::unique_ptr<Program>> pairs;
};

TEST_F(Survival, AKilledPairIsRestarted) {
    start_server(1);
    start_pairs();
    wait_for_round(1, 10);
    kill_pair(2);
    start_pair(2);
    expect_one_final_model();
    EXPECT_TRUE(holds(pairs[2]->output(), "Continuing from round")) << pairs[2]->output();
}

TEST_F(Survival, AKilledMlProgramIsRestarted) {
    start_server(1);
    start_pairs();
    wait_for_round(1, 10);
    const auto children = pairs[2]->children();
    ASSERT_EQ(children.size(), 1U);
    ASSERT_EQ(::kill(children.front(), SIGKILL), 0);
    EXPECT_EQ(pairs[2]->wait_exit(), 5) << pairs[2]->output();
    start_pair(2);
    expect_one_final_model();
}

void Survival::kill_and_compare() {
    const std::string undisturbed = undisturbed_digest();
    start_server(1);
    start_pairs();
    for (const int round : {10, 25, 40}) {
        wait_for_round(2, round);
        kill_pair(2);
        start_pair(2);
    }
    wait_for_round(1, 60);
    const auto children = pairs[1]->children();
    ASSERT_EQ(children.size(), 1U);
    ASSERT_EQ(::kill(children.front(), SIGKILL), 0);
    EXPECT_EQ(pairs[1]->wait_exit(), 5) << pairs[1]->output();
    start_pair(1);
    expect_one_final_model();
    EXPECT_EQ(final_digest(ml_log(1)), undisturbed);
    EXPECT_TRUE(holds(ml_log(2), "Resuming where an earlier start stopped")) << ml_log(2);
    for (const int n : {1, 2}) {
        const std::string host = "host-" + std::to_string(n) + "/data/sl" + std::to_string(n);
        EXPECT_TRUE(std::filesystem::is_empty(path(host + "/program")));
    }
}

TEST_F(Survival, KillsChangeNoBitOfTheModel) { kill_and_compare(); }

TEST_F(Survival, KillsChangeNoBitWhereProgramsTrainBeforeTheCommit) {
    flags += " --sync-until merge";
    kill_and_compare();
}

#ifdef STARLING_WITH_TORCH
TEST_F(Survival, KillsChangeNoBitOfCifar10) {
    program = "cifar10";
    flags = "--drawn-train 4000 --drawn-test 100 --sync-frequency 4 --epochs 2";  // 32 rounds
    marker = "digest sha256:";
    const std::string undisturbed = undisturbed_digest();
    start_server(1);
    start_pairs();
    wait_for_round(2, 4);  // in the first epoch
    kill_pair(2);
    start_pair(2);
    wait_for_round(2, 18);  // in the second epoch
    kill_pair(2);
    start_pair(2);
    expect_one_final_model();
    EXPECT_EQ(final_digest(ml_log(1)), undisturbed);
    EXPECT_TRUE(holds(ml_log(2), "Resuming where an earlier start stopped: 0 epochs and"));
    EXPECT_TRUE(holds(ml_log(2), "Resuming where an earlier start stopped: 1 epochs and"));
}
#endif

TEST_F(Survival, ADamagedStateIsNamedAndTrainingStartsAnew) {
    start_server(1);
    start_pairs();
    wait_for_round(1, 10);
    kill_pair(2);
    for (const char* name : {"program-0.state", "program-1.state"}) {
        const std::string file = path(std::string("host-2/data/sl2/program/") + name);
        std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    }
    start_pair(2);
    expect_one_final_model();
    EXPECT_TRUE(holds(ml_log(2), "program-1.state is damaged and not used")) << ml_log(2);
    EXPECT_FALSE(holds(ml_log(2), "Resuming where an earlier start stopped")) << ml_log(2);
}

TEST_F(Survival, AFullDiskEndsTheTrainingNamingTheFile) {
    start_server(1);
    flags = "--elements 300000 --batches 1600";
    start_pair(1);
    // Files of this program are limited to 1 MB: its state does not fit.
    std::vector<std::string> command = sl_command(2, identity("sl2"), "");
    std::erase_if(command, [](const std::string& word) { return word.starts_with("--ml-entry"); });
    write_text(path("small-disk"), "trap '' XFSZ\nulimit -f 1000\nexec " + bin("toy-ml") +
                                       " --elements 300000 --batches 1600\n");
    command.push_back("--ml-entrypoint=/bin/sh");
    command.push_back("--ml-cmd=" + path("small-disk"));
    Program pair(command);
    EXPECT_EQ(pair.wait_exit(), 1) << pair.output();
    EXPECT_TRUE(holds(ml_log(2), "the program's state can't be stored: " +
                                     path("host-2/data/sl2/program/program-0.state") +
                                     " can't be written: File too large"))
        << ml_log(2);
}

TEST_F(Survival, TheLeadingSnIsKilled) {
    start_servers();
    start_pairs();
    wait_for_round(1, 10);
    kill_server(leader());
    expect_one_final_model();
}

TEST_F(Survival, AFollowingSnIsKilledAndRestarted) {
    start_servers();
    start_pairs();
    wait_for_round(1, 10);
    const int follower = leader() == 2 ? 1 : 2;
    kill_server(follower);
    wait_for_round(1, 20);
    start_server(follower);
    expect_one_final_model();
}

TEST_F(Survival, AllSnsAreKilledAndRestarted) {
    start_servers();
    start_pairs();
    wait_for_round(1, 10);
    for (int n = 1; n <= 3; ++n) {
        kill_server(n);
    }
    // Started at once: none is ready before a majority is up.
    for (int n = 1; n <= 3; ++n) {
        servers[n] = std::make_unique<Program>(server_command(n));
    }
    for (int n = 1; n <= 3; ++n) {
        ASSERT_TRUE(servers[n]->wait_for("Starting SWARM-API-SERVER on port"))
            << servers[n]->output();
    }
    expect_one_final_model();
}

TEST_F(Survival, TheLastSnReportsThatThereIsNoLeader) {
    issue("swci1", Role::tool, ca);
    start_servers();
    const auto list_servers = [&] {
        std::vector<std::string> command = {bin("swci"), "--sn-ip=" + sn_host(1),
                                            "--sn-api-port=" + std::to_string(sn_port), "list",
                                            "servers"};
        for (const std::string& flag : identity("swci1")) {
            command.push_back(flag);
        }
        Program swci(command);
        EXPECT_EQ(swci.wait_exit(), 0) << swci.output();
        return swci.output();
    };
    const std::string all = list_servers();
    EXPECT_TRUE(holds(all, "sn" + std::to_string(leader()))) << all;
    EXPECT_TRUE(holds(all, "leads")) << all;
    EXPECT_FALSE(holds(all, "no leader")) << all;
    kill_server(2);
    kill_server(3);
    const auto deadline = std::chrono::steady_clock::now() + Seconds(30);
    std::string alone;
    while (!holds(alone, "This SN has had no leader for") &&
           std::chrono::steady_clock::now() < deadline) {
        alone = list_servers();
    }
    EXPECT_TRUE(holds(alone, "This SN has had no leader for")) << alone;
    EXPECT_TRUE(holds(alone, "away")) << alone;
}

TEST_F(Survival, AnSnLeavesForGood) {
    start_servers();
    start_pairs();
    wait_for_round(1, 10);
    servers[3]->signal(SIGTERM);
    EXPECT_EQ(servers[3]->wait_exit(), 0) << servers[3]->output();
    std::vector<std::string> command = server_command(3);
    command.push_back("--leave");
    Program leaving(command);
    EXPECT_EQ(leaving.wait_exit(), 0) << leaving.output();
    EXPECT_TRUE(holds(leaving.output(), "The other SNs continue without this one"))
        << leaving.output();
    expect_one_final_model();
}

TEST_F(Survival, EverythingIsKilledAndRestarted) {
    start_server(1);
    start_pairs();
    wait_for_round(1, 10);
    kill_pair(1);
    kill_pair(2);
    kill_server(1);
    start_server(1);
    start_pairs();
    expect_one_final_model();
    EXPECT_TRUE(holds(pairs[1]->output(), "Continuing from round")) << pairs[1]->output();
}

TEST_F(Survival, ADamagedModelFileIsNamedAndFetched) {
    start_server(1);
    start_pairs();
    wait_for_round(1, 10);
    kill_pair(2);
    for (const char* name : {"merged-0.model", "merged-1.model", "merged-2.model"}) {
        const std::string file = path(std::string("host-2/data/sl2/") + name);
        std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    }
    start_pair(2);
    expect_one_final_model();
    EXPECT_TRUE(holds(pairs[2]->output(), "merged-0.model is damaged and not used"))
        << pairs[2]->output();
    EXPECT_TRUE(holds(pairs[2]->output(), "Caught up with round")) << pairs[2]->output();
}

}  // namespace
}  // namespace starling::test
