// The licence server with real programs: its operator's commands, and the seats of its nodes.
#include <csignal>

#include "tests/support/sanitizers.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class LicenceServer : public SystemSwarm {
protected:
    LicenceServer() {
        issue("apls1", Role::apls, ca);
        issue("swci1", Role::tool, ca);
        issue("swci2", Role::tool, ca);
        run_well({bin("run-apls"), "--make-key=" + path("issuer")});
        make_licence("licence.txt", 2);
    }

    static void run_well(const std::vector<std::string>& command) {
        Program program(command);
        ASSERT_EQ(program.wait_exit(Seconds(30)), 0) << program.output();
    }
    void make_licence(const std::string& file, int sl_seats, const std::string& from = "2020-01-01",
                      const std::string& until = "2099-12-31", const std::string& key = "issuer") {
        run_well({bin("run-apls"), "--issue=" + path(file),
                  "--issuer-key=" + path(key + "-key.pem"), "--licensee=Two hospitals",
                  "--seats-sn=1", "--seats-sl=" + std::to_string(sl_seats), "--from=" + from,
                  "--until=" + until});
    }
    std::vector<std::string> apls_command(const std::string& licence = "licence.txt") const {
        std::vector<std::string> command = {bin("run-apls"),
                                            "--host-ip=127.0.1.1",
                                            "--apls-port=" + std::to_string(apls_port),
                                            "--licence=" + path(licence),
                                            "--licence-key=" + path("issuer-public.pem"),
                                            "--lease=3",
                                            "--workspace=" + path("host-1")};
        for (const std::string& flag : identity("apls1")) {
            command.push_back(flag);
        }
        return command;
    }
    std::unique_ptr<Program> start_apls() const {
        auto server = std::make_unique<Program>(apls_command());
        EXPECT_TRUE(
            server->wait_for("Licence server is ready on port: " + std::to_string(apls_port)))
            << server->output();
        return server;
    }
    std::vector<std::string> licensed(std::vector<std::string> command) const {
        command.push_back("--apls-ip=127.0.1.1");
        command.push_back("--apls-port=" + std::to_string(apls_port));
        return command;
    }
    std::unique_ptr<Program> licensed_sn() const {
        auto sn = std::make_unique<Program>(licensed(sn_command(identity("sn1"))));
        EXPECT_TRUE(sn->wait_for("Starting SWARM-API-SERVER on port")) << sn->output();
        return sn;
    }
    std::unique_ptr<Program> licensed_sl(int host, const std::string& ml_cmd) const {
        return std::make_unique<Program>(
            licensed(sl_command(host, identity("sl" + std::to_string(host)), ml_cmd)));
    }
    static void expect_end(Program& program, int code, const std::string& text) {
        EXPECT_EQ(program.wait_exit(Seconds(60)), code) << program.output();
        EXPECT_TRUE(holds(program.output(), text)) << program.output();
    }

    std::uint16_t apls_port = free_port("127.0.1.1");
};

TEST_F(LicenceServer, NodesTakeSeatsAndReturnThem) {
    const auto apls = start_apls();
    const auto sn = licensed_sn();
    const auto sl1 = licensed_sl(1, "--batches 60");
    const auto sl2 = licensed_sl(2, "--batches 60");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    sn->signal(SIGTERM);
    EXPECT_EQ(sn->wait_exit(), 0) << sn->output();
    EXPECT_TRUE(apls->wait_for("'sn1' has returned its seat (0 of 1 taken)")) << apls->output();
    EXPECT_TRUE(holds(apls->output(), "'sl2' has returned its seat")) << apls->output();
    apls->signal(SIGTERM);
    EXPECT_EQ(apls->wait_exit(), 0) << apls->output();
}

TEST_F(LicenceServer, ANodeWithoutASeatEndsWithAClearMessage) {
    const auto apls = start_apls();
    const auto sn = licensed_sn();
    const auto sl1 = licensed_sl(1, "--batches 1000000");
    ASSERT_TRUE(sl1->wait_for("License acquired")) << sl1->output();
    const auto sl2 = licensed_sl(2, "--batches 1000000");
    ASSERT_TRUE(sl2->wait_for("License acquired")) << sl2->output();
    expect_end(*licensed_sl(3, ""), 3, "no seat is left for role sl: 2 of 2 are taken by sl1, sl2");
}

TEST_F(LicenceServer, TheSeatOfAKilledNodeIsFreedAfterItsLease) {
    const auto apls = start_apls();
    const auto sn = licensed_sn();
    const auto sl1 = licensed_sl(1, "--batches 1000000");
    ASSERT_TRUE(sl1->wait_for("License acquired")) << sl1->output();
    sl1->signal(SIGKILL);
    EXPECT_TRUE(apls->wait_for("The seat of 'sl1' is free: it was not renewed for its lease of 3 s",
                               Seconds(10)))
        << apls->output();
}

TEST_F(LicenceServer, IfItIsKilledDuringTrainingTheSwarmStillCompletes) {
    const auto apls = start_apls();
    const auto sn = licensed_sn();
    const std::string training =
        std::string("--batches 400 --elements ") + (with_sanitizers ? "500000" : "2000000");
    const auto sl1 = licensed_sl(1, training);
    const auto sl2 = licensed_sl(2, training);
    ASSERT_TRUE(sn->wait_for("Round 1 is committed")) << sn->output();
    apls->signal(SIGKILL);
    for (const auto* sl : {&sl1, &sl2}) {
        EXPECT_EQ((*sl)->wait_exit(Seconds(120)), 0) << (*sl)->output();
        EXPECT_TRUE(holds((*sl)->output(), "continues without it for 3600 s (grace period)"))
            << (*sl)->output();
    }
}

TEST_F(LicenceServer, SeatsAreListedRevokedAndAllowed) {
    const auto apls = start_apls();
    const auto sn = licensed_sn();
    const auto sl1 = licensed_sl(1, "--batches 1000000");
    ASSERT_TRUE(sl1->wait_for("License acquired")) << sl1->output();
    const auto ask = [&](const std::string& tool, const std::string& what) {
        std::vector<std::string> command = licensed({bin("run-apls"), what});
        for (const std::string& flag : identity(tool)) {
            command.push_back(flag);
        }
        return command;
    };
    Program list(ask("swci2", "--list"));
    expect_end(list, 0, "sl    1 of 2 seats taken");
    EXPECT_TRUE(holds(list.output(), "sn1 ")) << list.output();
    Program stranger(ask("swci2", "--revoke=sl1"));
    expect_end(stranger, 3, "'swci2' may not change who gets a seat; these tools may: swci1");
    Program revoke(ask("swci1", "--revoke=sl1"));
    expect_end(revoke, 0, "Barred from a seat: sl1");
    EXPECT_EQ(sl1->wait_exit(Seconds(30)), 3) << sl1->output();
    EXPECT_TRUE(holds(sl1->output(), "revokes the seat")) << sl1->output();
    expect_end(*licensed_sl(1, ""), 3, "was revoked by the licence server's operator");
    Program allow(ask("swci1", "--allow=sl1"));
    expect_end(allow, 0, "sl    0 of 2 seats taken");
}

TEST_F(LicenceServer, AfterARestartItKnowsItsSeats) {
    auto apls = start_apls();
    const auto sn = licensed_sn();
    apls->signal(SIGKILL);
    EXPECT_EQ(apls->wait_exit(), 137);
    apls = start_apls();
    EXPECT_TRUE(sn->wait_for("is reachable again; the seat is renewed", Seconds(15)))
        << sn->output();
    // it never lost its seat
    EXPECT_FALSE(holds(apls->output(), "Seat for 'sn1'")) << apls->output();
}

TEST_F(LicenceServer, RefusesForgedExpiredAndForeignLicences) {
    std::string text = read_text(path("licence.txt"));
    text.replace(text.find("sl: 2"), 5, "sl: 9");
    write_text(path("forged.txt"), text);
    expect_end(*std::make_unique<Program>(apls_command("forged.txt")), 3,
               "its text was changed after it was signed");

    run_well({bin("run-apls"), "--make-key=" + path("other")});
    make_licence("others.txt", 9, "2020-01-01", "2099-12-31", "other");
    expect_end(*std::make_unique<Program>(apls_command("others.txt")), 3, "--licence-key");

    write_text(path("garbage.txt"), "what is this");
    expect_end(*std::make_unique<Program>(apls_command("garbage.txt")), 3, "garbage.txt");
    expect_end(*std::make_unique<Program>(apls_command("none.txt")), 1, "none.txt");

    make_licence("old.txt", 2, "2020-01-01", "2020-12-31");
    Program old(apls_command("old.txt"));
    ASSERT_TRUE(old.wait_for("Licence server is ready")) << old.output();
    Program sn(licensed(sn_command(identity("sn1"))));
    expect_end(sn, 3, "the licence expired at the end of 2020-12-31");
}

TEST_F(LicenceServer, ANodeThatCannotReachItEndsAndItsLauncherReportsThat) {
    const RefusingPort nobody("127.0.1.1");
    apls_port = nobody.number();
    auto command = licensed(sn_command(identity("sn1")));
    command.insert(command.end(), {"-d", "--rm"});
    Program sn(command);
    expect_end(sn, 5, "no licence server can be reached within 20 s");
    EXPECT_TRUE(holds(sn.output(), "run-sn: not started: it ended with exit code 5"))
        << sn.output();
    const std::string log = read_text(path("host-1/log/sn1.log"));
    EXPECT_TRUE(holds(log, "no licence server can be reached within 20 s")) << log;
    EXPECT_TRUE(holds(log, "--rm removes nothing, since this start failed")) << log;
}

TEST_F(LicenceServer, OverwritesNothingAndNamesWhatIsMissing) {
    Program again({bin("run-apls"), "--make-key=" + path("issuer")});
    expect_end(again, 2, "already exists");
    Program late({bin("run-apls"), "--issue=" + path("l"), "--issuer-key=" + path("issuer-key.pem"),
                  "--licensee=x", "--seats-sl=1", "--until=2020-13-01"});
    expect_end(late, 2, "--until: '2020-13-01' is not a date");
    Program which({bin("run-apls"), "--list", "--revoke=sl1", "--apls-ip=127.0.0.1"});
    expect_end(which, 2, "use only one of them");
    Program bare({bin("run-apls")});
    expect_end(bare, 2, "--licence is missing");
}

}  // namespace
}  // namespace starling::test
