// An SN that joins a ledger of some length, from an operator's point of view.
#include <csignal>
#include <filesystem>

#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class JoiningServer : public SystemSwarm {
protected:
    JoiningServer() {
        issue("sn2", Role::sn, ca);
        issue("sn3", Role::sn, ca);
    }
    static std::string host(int n) {
        return "127.0." + std::to_string(n) + "." + std::to_string(n);
    }
    std::string workspace(int n) const { return path("host-" + std::to_string(n)); }
    std::unique_ptr<Program> start_server(int n) const {
        const std::string first = host(1) + ":" + std::to_string(sn_port);
        std::vector<std::string> command = {
            bin("run-sn"), "--host-ip=" + host(n), "--sn-api-port=" + std::to_string(sn_port),
            "--sn-snapshot-interval=100", "--workspace=" + workspace(n)};
        command.push_back(n == 1 ? "--sentinel" : "--sentinel-ip=" + first);
        return std::make_unique<Program>(with(command, identity("sn" + std::to_string(n))));
    }
};

TEST_F(JoiningServer, BeginsWithTheStateAndCopiesTheEntriesBefore) {
    std::map<int, std::unique_ptr<Program>> servers;
    for (int n = 1; n <= 3; ++n) {
        servers[n] = start_server(n);
        ASSERT_TRUE(servers[n]->wait_for("Starting SWARM-API-SERVER on port"))
            << servers[n]->output();
    }
    const auto first = start_sl(1, "--elements 2000 --batches 100000000");
    const auto second = start_sl(2, "--elements 2000 --batches 100000000");
    ASSERT_TRUE(first->wait_for("Round 100: merged")) << first->output();
    servers[3]->signal(SIGKILL);
    servers[3]->wait_exit();
    std::filesystem::remove_all(workspace(3));
    servers[3] = start_server(3);
    EXPECT_TRUE(servers[3]->wait_for("Begins with the state after ledger entry"))
        << servers[3]->output();
    EXPECT_TRUE(servers[3]->wait_for("All ledger entries before")) << servers[3]->output();
    servers[3]->signal(SIGTERM);
    EXPECT_EQ(servers[3]->wait_exit(), 0) << servers[3]->output();
    Program audit(
        {bin("swarm-audit"), workspace(3) + "/data/sn3/ledger.sqlite", "--capath=" + path("ca")});
    EXPECT_EQ(audit.wait_exit(), 0) << audit.output();
    EXPECT_TRUE(holds(audit.output(), "snapshot")) << audit.output();
}

}  // namespace
}  // namespace starling::test
