// SNs that are lost for good, from an operator's point of view.
#include <csignal>
#include <filesystem>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class RemovedServer : public SystemSwarm {
protected:
    RemovedServer() {
        issue("sn2", Role::sn, ca);
        issue("sn3", Role::sn, ca);
        issue("swci1", Role::tool, ca);
    }
    static std::string host(int n) {
        return "127.0." + std::to_string(n) + "." + std::to_string(n);
    }
    std::string address(int n) const { return host(n) + ":" + std::to_string(sn_port); }
    std::vector<std::string> server_command(int n) const {
        std::vector<std::string> command = {bin("run-sn"), "--host-ip=" + host(n),
                                            "--sn-api-port=" + std::to_string(sn_port),
                                            "--workspace=" + path("host-" + std::to_string(n))};
        command.push_back(n == 1 ? "--sentinel" : "--sentinel-ip=" + address(1));
        for (const std::string& flag : identity("sn" + std::to_string(n))) {
            command.push_back(flag);
        }
        return command;
    }
    void start_servers(int count) {
        for (int n = 1; n <= count; ++n) {
            servers[n] = std::make_unique<Program>(server_command(n));
            ASSERT_TRUE(servers[n]->wait_for("Starting SWARM-API-SERVER on port"))
                << servers[n]->output();
        }
        for (int n = 1; n <= 2; ++n) {
            std::vector<std::string> command =
                sl_command(n, identity("sl" + std::to_string(n)), "--batches 100000000");
            for (int other = 2; other <= count; ++other) {
                command.push_back("--sn-ip=" + address(other));
            }
            pairs[n] = std::make_unique<Program>(command);
        }
        ASSERT_TRUE(pairs[1]->wait_for("Round 2: merged")) << pairs[1]->output();
    }
    void kill(int n) {
        servers[n]->signal(SIGKILL);
        servers[n]->wait_exit();
    }
    std::string swci(std::vector<std::string> words, int code) const {
        std::vector<std::string> command = {bin("swci"), "--sn-ip=127.0.1.1",
                                            "--sn-api-port=" + std::to_string(sn_port)};
        command.insert(command.end(), words.begin(), words.end());
        const auto id = identity("swci1");
        command.insert(command.end(), id.begin(), id.end());
        Program program(command);
        EXPECT_EQ(program.wait_exit(Seconds(30)), code) << program.output();
        return program.output();
    }
    void expect_more_rounds() {
        pairs[1]->drain();
        EXPECT_TRUE(
            pairs[1]->wait_for(": merged 2 members", Seconds(60), pairs[1]->output().size()))
            << pairs[1]->output();
    }

    std::map<int, std::unique_ptr<Program>> servers;
    std::map<int, std::unique_ptr<Program>> pairs;
};

TEST_F(RemovedServer, ADeadServerIsRemovedByTheMajority) {
    start_servers(3);
    kill(3);
    const std::string answer = swci({"remove", "server", "sn3"}, 0);
    EXPECT_TRUE(holds(answer, "SN 'sn3' no longer keeps the ledger. These SNs do:")) << answer;
    EXPECT_TRUE(holds(answer, "sn2")) << answer;
    EXPECT_TRUE(holds(swci({"remove", "server", "sn2", "--json"}, 0), "\"servers\"")) << answer;
    EXPECT_EQ(servers[2]->wait_exit(), 3) << servers[2]->output();
    EXPECT_TRUE(holds(servers[2]->output(), "as requested by 'swci1'")) << servers[2]->output();
    EXPECT_TRUE(holds(swci({"remove", "server", "sn1"}, 3), "'sn1' is the last SN of its swarm"));
    expect_more_rounds();

    Program back(server_command(3));
    // Only one of its two peers is left to report the removal: it is believed after a minute.
    EXPECT_EQ(back.wait_exit(Seconds(120)), 3) << back.output();
    EXPECT_TRUE(holds(back.output(), "empty disk")) << back.output();
}

TEST_F(RemovedServer, OneOfTwoContinuesAloneOnItsOperatorsRequest) {
    start_servers(2);
    kill(2);
    ASSERT_TRUE(
        servers[1]->wait_for("s: 2 of the 2 SNs that vote must agree, "
                             "and 1 is here. Away: sn2 at " +
                             address(2)))
        << servers[1]->output();
    const std::string seen = swci({"list", "servers"}, 0);
    EXPECT_TRUE(holds(seen, "This SN has had no leader for ")) << seen;
    EXPECT_TRUE(holds(seen, "2 SNs must agree, 1 can be reached from here, unreachable: sn2"))
        << seen;
    EXPECT_TRUE(holds(swci({"remove", "server", "sn2"}, 5), "--rebuild-without"));
    servers[1]->signal(SIGTERM);
    EXPECT_EQ(servers[1]->wait_exit(), 0);

    std::vector<std::string> command = server_command(1);
    command.push_back("--rebuild-without=sn3");
    Program wrong(command);
    EXPECT_EQ(wrong.wait_exit(), 3) << wrong.output();
    EXPECT_TRUE(holds(wrong.output(), "must name all other SNs of this ledger, which are sn2"))
        << wrong.output();
    command.back() = "--rebuild-without=sn2";
    servers[1] = std::make_unique<Program>(command);
    ASSERT_TRUE(servers[1]->wait_for("Starting SWARM-API-SERVER on port")) << servers[1]->output();
    EXPECT_TRUE(holds(servers[1]->output(), "this SN continues alone from entry "))
        << servers[1]->output();
    expect_more_rounds();
    // Killed, and restarted by a service manager with the same command: the rebuild is already
    // done.
    kill(1);
    servers[1] = std::make_unique<Program>(command);
    ASSERT_TRUE(servers[1]->wait_for("Starting SWARM-API-SERVER on port")) << servers[1]->output();
    EXPECT_TRUE(holds(servers[1]->output(),
                      "already, as an earlier start requested: start it "
                      "without --rebuild-without from now on"))
        << servers[1]->output();
    expect_more_rounds();

    Program back(server_command(2));
    EXPECT_EQ(back.wait_exit(), 3) << back.output();
    EXPECT_TRUE(holds(back.output(), "ledger diverges")) << back.output();
    Program audit({bin("swarm-audit"), path("host-1/data/sn1/ledger.sqlite"),
                   path("host-2/data/sn2/ledger.sqlite")});
    audit.wait_exit();
    EXPECT_TRUE(holds(audit.output(), "sn1 REBUILT the ledger alone, 20")) << audit.output();
    EXPECT_TRUE(holds(audit.output(), " UTC: a new epoch, without sn2")) << audit.output();
    EXPECT_FALSE(holds(audit.output(), "BAD")) << audit.output();

    std::filesystem::remove_all(path("host-2/data/sn2"));
    Program anew(server_command(2));
    EXPECT_TRUE(anew.wait_for("Starting SWARM-API-SERVER on port")) << anew.output();
    expect_more_rounds();
}

}  // namespace
}  // namespace starling::test
