// Certificates of both hosts are replaced during a training, by the commands that an operator would
// use: on host 1 with SIGHUP, on host 2 by the changed files alone.
#include <csignal>
#include <filesystem>

#include "tests/support/sanitizers.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

class Rotation : public SystemSwarm {
protected:
    Rotation() {
        gen_cert(1, {});
        gen_cert(2, {});
        exchange_cas();
    }
    std::string certs(int host) const {
        return path("host-" + std::to_string(host) + "/certs/x/cert");
    }
    void gen_cert(int host, const std::vector<std::string>& more) const {
        const std::string n = std::to_string(host);
        std::vector<std::string> command = {
            bin("gen-cert"), "-e", "x", "-i", n, "--workspace=" + path("host-" + n + "/certs")};
        if (more.empty()) {
            command.push_back("--host-ip=127.0." + n + "." + n);
        }
        command.insert(command.end(), more.begin(), more.end());
        Program program(command);
        ASSERT_EQ(program.wait_exit(), 0) << program.output();
    }
    void exchange_cas() const {
        for (const auto& [from, to] : {std::pair{1, 2}, std::pair{2, 1}}) {
            const std::string name = "/ca/capath/ca-" + std::to_string(from) + "-cert.pem";
            fs::copy_file(certs(from) + name, certs(to) + name);
        }
    }
    std::vector<std::string> own_identity(int host, const std::string& role) const {
        const std::string stem = certs(host) + "/" + role + "-" + std::to_string(host);
        return {"--cert=" + stem + "-cert.pem", "--key=" + stem + "-key.pem",
                "--capath=" + certs(host) + "/ca/capath"};
    }
    /// Serial number of the certificate that a port presents now.
    std::string serial_at(const std::string& address) const {
        Program client({"/bin/sh", "-c",
                        "openssl s_client -connect " + address +
                            " < /dev/null 2>/dev/null | openssl x509 -noout -serial"});
        EXPECT_EQ(client.wait_exit(), 0);
        return client.output();
    }
    static std::string serial_in(const std::string& file) {
        Program shown({"/usr/bin/openssl", "x509", "-noout", "-serial", "-in", file});
        EXPECT_EQ(shown.wait_exit(), 0);
        return shown.output();
    }
};

TEST_F(Rotation, NoRoundIsLost) {
    Program sn(sn_command(own_identity(1, "sn")));
    ASSERT_TRUE(sn.wait_for("Starting SWARM-API-SERVER on port")) << sn.output();
    const std::string long_training =
        std::string(with_sanitizers ? "--elements 250000" : "--elements 1000000") +
        " --batches 640";
    Program sl1(sl_command(1, own_identity(1, "sl"), long_training));
    Program sl2(sl_command(2, own_identity(2, "sl"), long_training));
    ASSERT_TRUE(sn.wait_for("Round 2 ")) << sn.output() << sl1.output() << sl2.output();
    const std::string sl1_port = "127.0.1.1:" + std::to_string(fs_port);
    const std::string sl2_port = "127.0.2.2:" + std::to_string(fs_port);
    const std::string old1 = serial_at(sl1_port);
    const std::string old2 = serial_at(sl2_port);

    gen_cert(1, {"--renew"});
    gen_cert(2, {"--renew"});
    sn.signal(SIGHUP);
    sl1.signal(SIGHUP);
    ASSERT_TRUE(sn.wait_for("certificate re-read: sn1")) << sn.output();
    ASSERT_TRUE(sl1.wait_for("certificate re-read: sl1")) << sl1.output();
    ASSERT_TRUE(sl2.wait_for("certificate re-read: sl2")) << sl2.output();
    EXPECT_NE(serial_at(sl1_port), old1);
    EXPECT_EQ(serial_at(sl1_port), serial_in(certs(1) + "/sl-1-cert.pem"));
    EXPECT_NE(serial_at(sl2_port), old2);
    EXPECT_EQ(serial_at(sl2_port), serial_in(certs(2) + "/sl-2-cert.pem"));
    sn.drain();
    EXPECT_FALSE(holds(sn.output(), "Round 40 ")) << "the training was over before the change";

    EXPECT_EQ(sl1.wait_exit(), 0) << sl1.output();
    EXPECT_EQ(sl2.wait_exit(), 0) << sl2.output();
    sn.signal(SIGTERM);
    EXPECT_EQ(sn.wait_exit(), 0) << sn.output();
    const std::string trace = read_text(path("host-1/trace/sn1.trace"));
    const std::size_t rounds = count(trace, "round_committed");
    // One at the beginning, one for every 16 of 640 batches, and the final one.
    EXPECT_EQ(rounds, 42U);
    EXPECT_EQ(count(trace, "round_frozen"), rounds) << trace;
    EXPECT_EQ(count(trace, "attempt=") - count(trace, "attempt=0"), 0U) << trace;
    EXPECT_EQ(count(trace, "peer_lost"), 0U);
    std::printf("%zu rounds committed, each at its first attempt\n", rounds);
}

}  // namespace
}  // namespace starling::test
