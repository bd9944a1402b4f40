// Three owners, each with a CA that all trust. One of them issues certificates for names of the
// others: refused at every port, without any effect on other nodes.
#include <csignal>

#include "tests/system/system_swarm.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling::test {
namespace {

class ForgedNames : public SystemSwarm {
protected:
    ForgedNames() {
        const IssuedCert second = *make_ca("second CA", {});
        const IssuedCert third = *make_ca("third CA", {});
        EXPECT_TRUE(make_directory(path("all")));
        trust("1", ca);
        trust("2", second);
        trust("3", third);
        issue("apls1", Role::apls, ca);
        issue("swci1", Role::tool, ca);
        issue("sl2", Role::sl, second);
        for (const auto& [name, role] : {std::pair("swci1", Role::tool),
                                         {"sl1", Role::sl},
                                         {"sn1", Role::sn},
                                         {"sn9", Role::sn}}) {
            issue(name, role, third, {}, "forged-" + std::string(name));
        }
        run_well({bin("run-apls"), "--make-key=" + path("issuer")});
        run_well({bin("run-apls"), "--issue=" + path("licence.txt"),
                  "--issuer-key=" + path("issuer-key.pem"), "--licensee=Three owners",
                  "--seats-sn=1", "--seats-sl=2", "--from=2020-01-01", "--until=2099-12-31"});
    }
    void trust(const std::string& file, const IssuedCert& authority) const {
        EXPECT_TRUE(
            write_file(path("all/" + file + ".pem"), authority.cert_pem, FileMode::readable));
    }
    static void run_well(const std::vector<std::string>& command) {
        Program program(command);
        ASSERT_EQ(program.wait_exit(Seconds(30)), 0) << program.output();
    }
    std::vector<std::string> id(const std::string& file) const { return identity(file, "all"); }
    /// Output of a program that ends by itself.
    static std::string run(const std::vector<std::string>& command, int code) {
        Program program(command);
        EXPECT_EQ(program.wait_exit(Seconds(30)), code) << program.output();
        return program.output();
    }
    std::string seats(const std::string& file, const std::string& what, int code) const {
        return run(with({bin("run-apls"), what, "--apls-ip=127.0.1.1",
                         "--apls-port=" + std::to_string(apls_port)},
                        id(file)),
                   code);
    }
    std::string swci(const std::string& file, const std::vector<std::string>& words,
                     int code) const {
        return run(with(with({bin("swci"), "--sn-ip=127.0.1.1",
                              "--sn-api-port=" + std::to_string(sn_port)},
                             words),
                        id(file)),
                   code);
    }
    /// Connects to a port as a newer session of `name`. \return  the forger's view of the answer
    std::string dial(const std::string& name, Role role, const Address& address, Role other) const {
        TlsEndpointOptions options;
        options.name = {name};
        options.role = role;
        options.session = std::uint64_t{1} << 62U;
        const std::string file = path("forged-" + name);
        options.identity = IdentityFiles{file + ".pem", file + ".key", path("all"), ""};
        const auto endpoint = make_tls_endpoint(std::move(options));
        EXPECT_TRUE(endpoint) << endpoint.error().message;
        (*endpoint)->connect(address, other);
        const SwarmTime until = (*endpoint)->now() + Seconds(20);
        while (const std::optional<Input> input = (*endpoint)->receive_until(until)) {
            if (const auto* failed = std::get_if<ConnectFailed>(&*input)) {
                return failed->error.message;
            }
            if (const auto* lost = std::get_if<PeerLost>(&*input)) {
                return "let in, then: " + lost->reason;
            }
        }
        return "let in";
    }
    void start_swarm() {
        const std::vector<std::string> seat = {"--apls-ip=127.0.1.1",
                                               "--apls-port=" + std::to_string(apls_port)};
        apls = std::make_unique<Program>(
            with({bin("run-apls"), "--host-ip=127.0.1.1", "--licence=" + path("licence.txt"),
                  "--licence-key=" + path("issuer-public.pem"), "--lease=3",
                  "--apls-port=" + std::to_string(apls_port), "--workspace=" + path("host-1")},
                 id("apls1")));
        ASSERT_TRUE(apls->wait_for("Licence server is ready on port")) << apls->output();
        sn = std::make_unique<Program>(with(sn_command(id("sn1")), seat));
        ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER on port")) << sn->output();
        for (int n = 1; n <= 2; ++n) {
            sls[n] = std::make_unique<Program>(
                with(sl_command(n, id("sl" + std::to_string(n)), "--batches 100000000"), seat));
        }
        ASSERT_TRUE(sls[1]->wait_for("Round 2: merged")) << sls[1]->output();
    }
    void expect_more_rounds() {
        sls[1]->drain();
        EXPECT_TRUE(sls[1]->wait_for(": merged 2 members", Seconds(60), sls[1]->output().size()))
            << sls[1]->output();
    }

    std::uint16_t apls_port = free_port("127.0.1.1");
    std::unique_ptr<Program> apls;
    std::unique_ptr<Program> sn;
    std::map<int, std::unique_ptr<Program>> sls;
};

TEST_F(ForgedNames, AreRefusedAtEveryPortWithoutAnyEffect) {
    start_swarm();

    // A forged tool revokes no seat, and admits and removes nobody.
    EXPECT_TRUE(holds(seats("forged-swci1", "--revoke=sl1", 3), "belongs to"));
    EXPECT_TRUE(holds(swci("forged-swci1", {"remove", "server", "sn1"}, 3), "belongs to"));

    // A forged member, at the SN, at the other member and at the licence server.
    const Address ports[] = {
        {"127.0.1.1", sn_port}, {"127.0.2.2", fs_port}, {"127.0.1.1", apls_port}};
    const Role roles[] = {Role::sn, Role::sl, Role::apls};
    for (int i = 0; i < 3; ++i) {
        const std::string answer = dial("sl1", Role::sl, ports[i], roles[i]);
        EXPECT_TRUE(holds(answer, "the name 'sl1' belongs to the CA ")) << i << ": " << answer;
    }
    std::vector<std::string> command = sl_command(3, id("forged-sl1"), "--batches 10");
    EXPECT_TRUE(holds(run(command, 3), "the name 'sl1' belongs to the CA "));

    // A forged SN: with the name of an existing one, and as a new one, which becomes a learner and
    // is then killed.
    const std::string answer = dial("sn1", Role::sn, ports[0], Role::sn);
    EXPECT_FALSE(holds(answer, "let in")) << answer;
    Program learner(with({bin("run-sn"), "--host-ip=127.0.3.3", "--workspace=" + path("host-3"),
                          "--sn-api-port=" + std::to_string(sn_port),
                          "--sentinel-ip=127.0.1.1:" + std::to_string(sn_port)},
                         id("forged-sn9")));
    ASSERT_TRUE(learner.wait_for("Starting SWARM-API-SERVER on port")) << learner.output();
    ASSERT_TRUE(sn->wait_for("SN 'sn9' of the CA ")) << sn->output();
    EXPECT_TRUE(holds(swci("swci1", {"list", "servers"}, 0), "no, it learns"));
    EXPECT_TRUE(holds(swci("forged-swci1", {"admit", "server", "sn9"}, 3), "belongs to"));
    learner.signal(SIGKILL);
    learner.wait_exit();

    expect_more_rounds();
    const std::string roll = swci("swci1", {"list", "roll"}, 0);
    EXPECT_TRUE(holds(roll, "learns, no vote") && holds(roll, "administers")) << roll;
    EXPECT_TRUE(holds(swci("swci1", {"expel", "sn9"}, 0), "expelled"));
    EXPECT_FALSE(holds(swci("swci1", {"list", "servers"}, 0), "no, it learns"));
    for (int n = 1; n <= 2; ++n) {
        EXPECT_FALSE(holds(sls[n]->output(), "was lost")) << sls[n]->output();
    }
    EXPECT_TRUE(holds(sn->output(), "the name 'sl1' belongs to the CA ")) << sn->output();
}

}  // namespace
}  // namespace starling::test
