// The licence server's scenarios of tests/core/licence_test.cpp, rehearsed with deployment files.
#include "core/licence/licence.hpp"
#include "tests/sim/swarm_sim.hpp"
#include "transport/crypto/ed25519.hpp"

namespace starling::test {
namespace {

class LicenceSim : public SwarmSim {
protected:
    LicenceSim() {
        Licence licence;
        licence.licensee = "Two hospitals";
        licence.seats = {{Role::sn, 1}, {Role::sl, 2}};
        licence.valid_from = *parse_date("2026-11-01");
        licence.valid_until = *parse_date("2026-12-01");
        const SigningKeys keys = *make_signing_keys();
        const std::string text = licence_text(licence);
        signed_text = signed_licence(text, *sign(keys.private_pem, std::as_bytes(std::span(text))));
        file("licence.txt", signed_text);
        file("issuer.pem", keys.public_pem);
    }

    static std::string actor(const std::string& host, const std::string& function,
                             const std::vector<std::string>& arguments, int start_time = 0) {
        std::string text = "<actor host=\"" + host + "\" function=\"" + function +
                           "\" start_time=\"" + std::to_string(start_time) + "\">";
        for (const std::string& argument : arguments) {
            text += "<argument value=\"" + argument + "\"/>";
        }
        return text + "</actor>\n";
    }
    std::string apls() const {
        return actor("host-1", "run-apls",
                     {"--name=apls1", "--host-ip=172.1.1.1", "--licence=" + path("licence.txt"),
                      "--licence-key=" + path("issuer.pem"), "--lease=30"});
    }
    static std::string sn() {
        return actor("host-1", "run-sn",
                     {"--name=sn1", "--host-ip=172.1.1.1", "--apls-ip=172.1.1.1"});
    }
    static std::string sl(int n, int start_time = 0, int epochs = 1) {
        const std::string index = std::to_string(n);
        const std::string host = n % 2 == 1 ? "1" : "2";
        return actor("host-" + host, "run-sl",
                     {"--name=sl" + index, "--ml-name=ml" + index,
                      "--host-ip=172." + host + "." + host + "." + host, "--sn-ip=172.1.1.1",
                      "--sl-fs-port=" + std::to_string(16000 + n), "--ml-entrypoint=x",
                      "--apls-ip=172.1.1.1", "--ml-e=MIN_PEERS=2",
                      "--ml-e=MAX_EPOCHS=" + std::to_string(epochs)},
                     start_time);
    }

    std::string signed_text;
};

TEST_F(LicenceSim, ANodeWithoutASeatIsRefused) {
    const Ran ran = swarm_sim(platform + " " + actors(apls() + sn() + sl(1) + sl(2) + sl(3, 1)));
    EXPECT_EQ(ran.exit_code, 3) << ran.output;
    EXPECT_TRUE(ran.printed("no seat is left for role sl: 2 of 2 are taken by sl1, sl2"))
        << ran.output;
    EXPECT_TRUE(ran.printed("Contract 'default' is complete")) << ran.output;
}

TEST_F(LicenceSim, TheSeatOfAKilledNodeIsFreedAfterItsLease) {
    const Ran ran = swarm_sim(platform + " " +
                              actors(apls() + sn() + sl(1) + sl(3, 7) + sl(2, 45) + sl(4, 45)) +
                              " --fault 't=5s kill sl1' --fault 't=20s kill sl3'");
    // sl3 had the second seat at 7 s; at 45 s that of sl1 is free, and at 50 s that of sl3.
    EXPECT_TRUE(ran.printed("The seat of 'sl1' is free: it was not renewed for its lease of 30 s"))
        << ran.output;
    EXPECT_TRUE(ran.printed("Seat for 'sl2'")) << ran.output;
}

TEST_F(LicenceSim, TrainingCompletesWhenTheServerIsKilled) {
    const Ran ran = swarm_sim(platform + " " + actors(apls() + sn() + sl(1, 0, 3) + sl(2, 0, 3)) +
                              " --fault 't=3s kill apls1'");
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    EXPECT_TRUE(ran.printed("continues without it for 3600 s (grace period)")) << ran.output;
    EXPECT_TRUE(ran.printed("Contract 'default' is complete")) << ran.output;
}

TEST_F(LicenceSim, AForgedLicenceIsRefused) {
    signed_text[signed_text.find("sl: 2") + 4] = '9';
    file("licence.txt", signed_text);
    const Ran ran = swarm_sim(platform + " " + actors(apls() + sn() + sl(1) + sl(2)));
    EXPECT_NE(ran.exit_code, 0);
    EXPECT_TRUE(ran.printed("its text was changed after it was signed")) << ran.output;
}

TEST_F(LicenceSim, AnExpiredLicenceIsRefused) {
    const Ran ran =
        swarm_sim(platform + " " + actors(apls() + sn() + sl(1) + sl(2)) + " --date 2026-12-01");
    EXPECT_EQ(ran.exit_code, 3) << ran.output;
    EXPECT_TRUE(ran.printed("the licence expired at the end of 2026-11-30")) << ran.output;
}

}  // namespace
}  // namespace starling::test
