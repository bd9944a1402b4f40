#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/transport/tls_support.hpp"

namespace starling::test {
namespace {

/// An SL and its ML on one host, without certificates.
class TlsUnixTest : public testing::Test {
protected:
    TlsEndpointOptions sl_options() {
        return options_of("sl1", Role::sl, std::nullopt, {{address, {Role::ml}}});
    }
    TestEndpoint open_ml(const std::string& name = "ml1", Role role = Role::ml) {
        TestEndpoint party = open_test_endpoint(options_of(name, role, std::nullopt));
        party.endpoint->connect(address, Role::sl);
        return party;
    }
    /// The socket file that a killed program leaves behind, without a listener.
    void leave_socket_file() const {
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un path{};
        path.sun_family = AF_UNIX;
        std::memcpy(path.sun_path, address.host.data(), address.host.size());
        ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&path), sizeof path), 0);
        ::close(descriptor);
    }

    Folder folder;
    const Address address{folder.file("sl1.sock"), 0};
};

TEST_F(TlsUnixTest, FramesAreSentBothWays) {
    TestEndpoint sl = open_test_endpoint(sl_options());
    TestEndpoint ml = open_ml();
    ASSERT_TRUE(
        run_until({&sl, &ml}, [&] { return sl.count<PeerUp>() == 1 && ml.count<PeerUp>() == 1; }));
    EXPECT_EQ(sl.all<PeerUp>().at(0).role, Role::ml);
    EXPECT_EQ(ml.all<PeerUp>().at(0).dialled, address);
    Bytes bytes(std::size_t{256} * 1024);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(i % 253);
    }
    const Blob body(std::move(bytes));
    for (std::uint32_t i = 0; i < 64; ++i) {
        ml.endpoint->send(NodeId{"sl1"}, Frame{MlSegment{1, i}, body});
        sl.endpoint->send(NodeId{"ml1"}, Frame{MlSegment{2, i}, body});
    }
    ASSERT_TRUE(run_until({&sl, &ml}, [&] {
        return sl.count<FrameReceived>() == 64 && ml.count<FrameReceived>() == 64;
    }));
    for (const TestEndpoint* party : {&sl, &ml}) {
        std::uint32_t next = 0;
        for (const FrameReceived& got : party->all<FrameReceived>()) {
            EXPECT_EQ(std::get<MlSegment>(got.frame.message).index, next++);
            ASSERT_EQ(got.frame.body.size(), body.size());
            EXPECT_EQ(std::memcmp(got.frame.body.view().data(), body.view().data(), body.size()),
                      0);
        }
    }
}

TEST_F(TlsUnixTest, AnUnexpectedRoleIsRefused) {
    TestEndpoint sl = open_test_endpoint(sl_options());
    TestEndpoint other = open_ml("sl2", Role::sl);
    ASSERT_TRUE(run_until({&sl, &other}, [&] { return other.count<ConnectFailed>() == 1; }));
    const ConnectFailed failed = other.all<ConnectFailed>().at(0);
    EXPECT_TRUE(failed.fatal);
    EXPECT_EQ(failed.error.message,
              address.host +
                  ": refused this node: 'sl2' (sl) used the wrong port: this port serves ml "
                  "only (check address and port)");
    EXPECT_TRUE(contains(sl.logged(), "'sl2' (sl) used the wrong port")) << sl.logged();
}

TEST_F(TlsUnixTest, OnlyTheOwnerMayUseTheSocketAndTheNodeRemovesIt) {
    {
        const TestEndpoint sl = open_test_endpoint(sl_options());
        struct stat info {};
        ASSERT_EQ(::stat(address.host.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777U, 0600U);
        sl.endpoint->close(std::chrono::seconds(1));
        EXPECT_FALSE(std::filesystem::exists(std::string(address.host)));
    }
}

TEST_F(TlsUnixTest, ASocketLeftByADeadProgramIsReplaced) {
    leave_socket_file();
    TestEndpoint sl = open_test_endpoint(sl_options());
    TestEndpoint ml = open_ml();
    EXPECT_TRUE(run_until({&sl, &ml}, [&] { return ml.count<PeerUp>() == 1; }));
}

TEST_F(TlsUnixTest, AMissingListenerIsRetryable) {
    leave_socket_file();
    TestEndpoint ml = open_ml();
    ASSERT_TRUE(run_until({&ml}, [&] { return ml.count<ConnectFailed>() == 1; }));
    EXPECT_FALSE(ml.all<ConnectFailed>().at(0).fatal);
    EXPECT_EQ(ml.all<ConnectFailed>().at(0).error.message,
              "can't connect to " + address.host + ": Connection refused");
}

TEST_F(TlsUnixTest, ASocketInUseIsNamed) {
    const TestEndpoint sl = open_test_endpoint(sl_options());
    const auto opened = make_tls_endpoint(sl_options());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message, "socket " + address.host +
                                          " is in use: stop the program "
                                          "that uses it or choose another");
    EXPECT_TRUE(std::filesystem::exists(std::string(address.host)));
}

TEST_F(TlsUnixTest, AFileThatIsNoSocketIsNotTouched) {
    folder.write("sl1.sock", "precious");
    const auto opened = make_tls_endpoint(sl_options());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message,
              address.host + " is no socket: remove it or choose another path");
    EXPECT_TRUE(std::filesystem::exists(std::string(address.host)));
}

TEST_F(TlsUnixTest, APathTooLongForASocketIsNamed) {
    TlsEndpointOptions options = sl_options();
    options.listen[0].address.host = folder.file(std::string(120, 'x'));
    const auto opened = make_tls_endpoint(std::move(options));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::usage);
    EXPECT_TRUE(contains(opened.error().message, "1 to 107 are allowed: choose a shorter"))
        << opened.error().message;
}

TEST_F(TlsUnixTest, TcpNeedsAnIdentity) {
    TlsEndpointOptions options = sl_options();
    options.listen[0].address = loopback(free_port());
    const auto opened = make_tls_endpoint(std::move(options));
    ASSERT_FALSE(opened);
    EXPECT_TRUE(contains(opened.error().message, "needs --cert, --key and --capath"));

    TestEndpoint ml = open_test_endpoint(options_of("ml1", Role::ml, std::nullopt));
    ml.endpoint->connect(loopback(free_port()), Role::sl);
    ASSERT_TRUE(run_until({&ml}, [&] { return ml.count<ConnectFailed>() == 1; }));
    EXPECT_TRUE(ml.all<ConnectFailed>().at(0).fatal);
}

}  // namespace
}  // namespace starling::test
