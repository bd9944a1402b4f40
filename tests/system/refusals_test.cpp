// What must be refused with a clear message and a non-zero exit code, with the real programs.
#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/wire/codec.hpp"
#include "tests/system/system_swarm.hpp"

namespace starling::test {
namespace {

class Refusals : public SystemSwarm {
protected:
    /// Runs `command`, which must end with `code` and print `text`.
    static void expect_refused(const std::vector<std::string>& command, int code,
                               const std::string& text) {
        Program program(command);
        EXPECT_EQ(program.wait_exit(Seconds(30)), code) << program.output();
        EXPECT_TRUE(holds(program.output(), text)) << program.output();
    }
};

TEST_F(Refusals, ANodeWithoutACertificate) {
    expect_refused(sn_command({}), 3, "--cert");
    expect_refused(sl_command(1, {}, ""), 3, "--cert");
}

TEST_F(Refusals, ACertificateOfAnotherCa) {
    const auto sn = start_sn();
    const IssuedCert stranger = *make_ca("stranger CA", {});
    store_ca("stranger", stranger);
    // It trusts the SN, but the SN does not trust its CA.
    ASSERT_TRUE(write_file(path("stranger/ours.pem"), ca.cert_pem, FileMode::readable));
    issue("sl1", Role::sl, stranger, {}, "stranger-sl1");
    expect_refused(sl_command(1, identity("stranger-sl1", "stranger"), ""), 3,
                   "does not accept this node's certificate (unknown CA)");
    EXPECT_TRUE(sn->wait_for("its certificate is not accepted (unknown CA)")) << sn->output();
}

TEST_F(Refusals, AnExpiredCertificate) {
    issue("sl1", Role::sl, ca, {std::chrono::hours(-48), std::chrono::hours(-24)}, "expired");
    expect_refused(sl_command(1, identity("expired"), ""), 3, "expired");
}

TEST_F(Refusals, ACertificateOfAnotherRole) {
    expect_refused(sl_command(1, identity("sn1"), ""), 3, "role");
    expect_refused(sn_command(identity("sl1")), 3, "role");
}

TEST_F(Refusals, ANodeAtThePortOfAnotherRole) {
    // An SL that is given the exchange port of another SL as its SN.
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 1000000");
    ASSERT_TRUE(sl1->wait_for("Successfully completed the initialization")) << sl1->output();
    auto command = sl_command(2, identity("sl2"), "");
    for (std::string& argument : command) {
        if (argument.rfind("--sn-api-port=", 0) == 0) {
            argument = "--sn-api-port=" + std::to_string(fs_port);
        }
    }
    expect_refused(command, 3, "wrong port");
}

TEST_F(Refusals, APortInUse) {
    const auto sn = start_sn();
    auto command = sn_command(identity("sn1"));
    command.push_back("--workspace=" + path("elsewhere"));
    command.erase(command.begin() + 4);  // the workspace of the first
    expect_refused(command, 1, "port " + std::to_string(sn_port) + " on 127.0.1.1 is in use");
}

TEST_F(Refusals, AnUnknownFlag) {
    expect_refused({bin("run-sl"), "--sn-prot=3"}, 2, "--sn-prot");
    expect_refused({bin("run-sn"), "--sentinell"}, 2, "--sentinel");
    expect_refused({bin("gen-cert"), "--nosuch"}, 2, "--nosuch");
    expect_refused({bin("stop-swarm"), "--nosuch"}, 2, "--nosuch");
}

TEST_F(Refusals, TooFewMembersAtTheWaitLimit) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--wait-limit 2", 3);
    const auto sl2 = start_sl(2, "--wait-limit 2", 3);
    for (const auto* sl : {&sl1, &sl2}) {
        EXPECT_EQ((*sl)->wait_exit(Seconds(30)), 4) << (*sl)->output();
        EXPECT_TRUE(holds((*sl)->output(),
                          "the wait limit of 2 s is over: 2 of min_peers 3 members are present"))
            << (*sl)->output();
    }
}

TEST_F(Refusals, ProgramsWithDifferentModels) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--wait-limit 5");
    ASSERT_TRUE(sn->wait_for("Node 'sl1' starts contract 'default'")) << sn->output();
    expect_refused(
        sl_command(2, identity("sl2"), "--wait-limit 5 --extra-tensor"), 3,
        "it has 1 tensors, 100000 parameters, 400000 bytes, this program 2 tensors, 100003 "
        "parameters, 400012 bytes; tensor 1: none against 'bias' F32 3");
    EXPECT_EQ(sl1->wait_exit(Seconds(30)), 4) << sl1->output();
}

TEST_F(Refusals, AMissingMlProgram) {
    const auto sn = start_sn();
    auto command = sl_command(1, identity("sl1"), "");
    command.push_back("--ml-entrypoint=/nosuch/program");
    command.erase(std::find(command.begin(), command.end(), "--ml-entrypoint=" + bin("toy-ml")));
    expect_refused(command, 1, "/nosuch/program");
}

/// Writes `bytes` to the listener, and closes the connection.
void throw_at(const sockaddr* address, socklen_t size, ByteView bytes) {
    const int socket = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(socket, address, size), 0);
    [[maybe_unused]] const ssize_t written =
        ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(socket);
}

TEST_F(Refusals, GarbageAndHugeFramesOnEveryPortDoNoHarm) {
    const auto sn = start_sn();
    const auto sl1 = start_sl(1, "--batches 60");
    ASSERT_TRUE(sl1->wait_for("Successfully completed the initialization")) << sl1->output();
    Writer huge;
    huge.u32(frame_magic);
    huge.u8(wire_version);
    huge.u8(8);
    huge.u16(0);
    huge.u32(0xffffffffU);
    huge.u32(0xffffffffU);
    Bytes garbage(5000);
    for (std::size_t i = 0; i < garbage.size(); ++i) {
        garbage[i] = static_cast<std::byte>(i * 37);
    }
    for (const std::uint16_t port : {sn_port, fs_port}) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        ::inet_pton(AF_INET, "127.0.1.1", &address.sin_addr);
        for (const Bytes& bytes : {huge.bytes(), garbage, Bytes{}}) {
            throw_at(reinterpret_cast<sockaddr*>(&address), sizeof(address), bytes);
        }
    }
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    const std::string socket = path("host-1/run/sl1.sock");
    ASSERT_LT(socket.size(), sizeof(local.sun_path));
    socket.copy(local.sun_path, socket.size());
    for (const Bytes& bytes : {huge.bytes(), garbage, Bytes{}}) {
        throw_at(reinterpret_cast<sockaddr*>(&local), sizeof(local), bytes);
    }
    const auto sl2 = start_sl(2, "--batches 60");
    EXPECT_EQ(sl1->wait_exit(), 0) << sl1->output();
    EXPECT_EQ(sl2->wait_exit(), 0) << sl2->output();
    EXPECT_TRUE(sn->wait_for("127.0.0.1:") || holds(sn->output(), "WARNING")) << sn->output();
}

#ifdef STARLING_WITH_TORCH
TEST_F(Refusals, ACorruptDataFile) {
    const std::string data = path("data/cifar-10-batches-bin");
    ASSERT_TRUE(make_directory(data));
    write_text(data + "/data_batch_1.bin", std::string(1000, 'x'));
    const auto sn = start_sn();
    auto command = sl_command(1, identity("sl1"), "--model tiny");
    std::replace(command.begin(), command.end(), "--ml-entrypoint=" + bin("toy-ml"),
                 "--ml-entrypoint=" + bin("cifar10"));
    command.push_back("--ml-e=DATA_DIR=" + path("data"));
    expect_refused(command, 1, "");
    EXPECT_TRUE(holds(ml_log(1), "data_batch_1.bin")) << ml_log(1);
}
#endif

}  // namespace
}  // namespace starling::test
