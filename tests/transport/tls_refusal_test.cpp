#include <future>

#include <gtest/gtest.h>

#include "core/wire/codec.hpp"
#include "tests/transport/tls_support.hpp"

namespace starling::test {
namespace {

/// A listening node that accepts SLs, and peers that it must refuse.
class TlsRefusalTest : public testing::Test {
protected:
    void SetUp() override { node = open_test_endpoint(node_options()); }

    TlsEndpointOptions node_options() {
        return options_of("sn1", Role::sn, authority.issue("sn1", {Role::sn}),
                          {{loopback(port), {Role::sl}}});
    }

    /// Runs a raw client beside the node until the client has ended and the node has logged `text`.
    std::string attack(const RawTls& client, const std::string& text) {
        std::future<std::string> answer =
            std::async(std::launch::async, [&] { return client.run(port); });
        EXPECT_TRUE(run_until({&node}, [&] {
            return contains(node.logged(), text) &&
                   answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
        })) << node.logged();
        EXPECT_TRUE(contains(node.logged(), "127.0.0.1:")) << node.logged();
        return answer.get();
    }

    /// Checks that after a refusal, a legitimate peer is still accepted.
    void expect_node_still_serves() {
        TestEndpoint good =
            open_test_endpoint(options_of("sl8", Role::sl, authority.issue("sl8", {Role::sl})));
        good.endpoint->connect(loopback(port), Role::sn);
        EXPECT_TRUE(run_until({&node, &good}, [&] { return good.count<PeerUp>() == 1; }))
            << node.logged();
    }

    /// Dials the node, which must refuse.
    ConnectFailed dial_expecting_refusal(TestEndpoint& party, Role role = Role::sn) {
        party.endpoint->connect(loopback(port), role);
        EXPECT_TRUE(run_until({&node, &party}, [&] { return party.count<ConnectFailed>() == 1; }));
        EXPECT_EQ(party.count<PeerUp>(), 0U);
        return party.count<ConnectFailed>() == 0 ? ConnectFailed{}
                                                 : party.all<ConnectFailed>().at(0);
    }

    RawTls insider(Bytes bytes, bool close_after_send = false) {
        return {authority.issue("sl1", {Role::sl}), false, std::move(bytes), close_after_send};
    }
    std::string at_port() const { return "127.0.0.1:" + std::to_string(port); }

    Folder folder;
    Authority authority{folder, "host-1"};
    Authority stranger{folder, "host-2"};
    std::uint16_t port = free_port();
    TestEndpoint node;
};

Bytes hello_bytes(const std::string& name, Role role) {
    return encode_head(Frame{Hello{NodeId{name}, role}, {}});
}

Bytes header_bytes(std::uint8_t type, std::uint32_t message_size, std::uint32_t body_size) {
    Writer writer;
    writer.u32(frame_magic);
    writer.u8(wire_version);
    writer.u8(type);
    writer.u16(0);
    writer.u32(message_size);
    writer.u32(body_size);
    return writer.take();
}

Bytes operator+(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

TEST_F(TlsRefusalTest, ADiallerWithAnUnknownCaIsToldTheRemedy) {
    TestEndpoint party = open_test_endpoint(
        options_of("sl1", Role::sl, stranger.issue("sl1", {Role::sl}, {}, &authority)));
    const ConnectFailed failed = dial_expecting_refusal(party);
    EXPECT_TRUE(failed.fatal);
    EXPECT_EQ(failed.error.code, Errc::refused);
    EXPECT_EQ(failed.error.message,
              at_port() +
                  ": does not accept this node's certificate (unknown CA): copy the CA "
                  "certificate of this host into its --capath, and intermediate ones behind this "
                  "node's own in --cert");
    EXPECT_TRUE(contains(node.logged(),
                         "its certificate is not accepted (unknown CA): copy the CA certificate of "
                         "that host into this node's --capath"))
        << node.logged();
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, AnAcceptorWithAnUnknownCaIsNotTrusted) {
    TestEndpoint party = open_test_endpoint(
        options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl}, {}, &stranger)));
    const ConnectFailed failed = dial_expecting_refusal(party);
    EXPECT_TRUE(failed.fatal);
    EXPECT_EQ(failed.error.message,
              at_port() +
                  ": its certificate is not accepted (unknown CA): copy the CA certificate "
                  "of that host into this node's --capath");
    EXPECT_TRUE(run_until({&node, &party}, [&] {
        return contains(node.logged(), "does not accept this node's certificate (unknown CA)");
    })) << node.logged();
}

TEST_F(TlsRefusalTest, AnExpiredCertificateOfADiallerIsRefused) {
    const Validity past{std::chrono::seconds(-7200), std::chrono::seconds(-3600)};
    attack({authority.issue("sl1", {Role::sl}, past), false, {}, false},
           "its certificate is not accepted (expired): make a new one there (gen-cert)");
    EXPECT_TRUE(node.inputs.empty());
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, AnExpiredCertificateOfAnAcceptorIsRefused) {
    const Validity past{std::chrono::seconds(-7200), std::chrono::seconds(-3600)};
    const RawTlsServer server(authority.issue("sn2", {Role::sn}, past));
    TestEndpoint party =
        open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    party.endpoint->connect(loopback(server.port()), Role::sn);
    ASSERT_TRUE(run_until({&party}, [&] { return party.count<ConnectFailed>() == 1; }));
    const ConnectFailed failed = party.all<ConnectFailed>().at(0);
    EXPECT_TRUE(failed.fatal);
    EXPECT_TRUE(contains(failed.error.message, "its certificate is not accepted (expired)"))
        << failed.error.message;
}

TEST_F(TlsRefusalTest, APeerWithoutACertificateIsRefused) {
    attack({std::nullopt, false, hello_bytes("sl1", Role::sl), false}, "it showed no certificate");
    EXPECT_TRUE(node.inputs.empty());
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, ARoleThatThePortDoesNotAcceptIsRefused) {
    TestEndpoint party =
        open_test_endpoint(options_of("tool1", Role::tool, authority.issue("tool1", {Role::tool})));
    const ConnectFailed failed = dial_expecting_refusal(party);
    EXPECT_TRUE(failed.fatal);
    EXPECT_EQ(failed.error.code, Errc::refused);
    EXPECT_EQ(failed.error.message,
              at_port() +
                  ": refused this node: 'tool1' (tool) used the wrong port: this port serves sl "
                  "only (check address and port)");
    EXPECT_TRUE(contains(node.logged(), "'tool1' (tool) used the wrong port")) << node.logged();
}

TEST_F(TlsRefusalTest, ADiallerLeavesAnAcceptorOfAnUnexpectedRole) {
    TestEndpoint party =
        open_test_endpoint(options_of("sl1", Role::sl, authority.issue("sl1", {Role::sl})));
    const ConnectFailed failed = dial_expecting_refusal(party, Role::apls);
    EXPECT_TRUE(failed.fatal);
    EXPECT_EQ(failed.error.message,
              at_port() +
                  ": 'sn1' (sn) used the wrong port: this port serves apls only (check address "
                  "and port)");
    ASSERT_TRUE(run_until({&node, &party}, [&] { return node.count<PeerLost>() == 1; }));
    EXPECT_TRUE(contains(node.all<PeerLost>().at(0).reason, "refused this node: 'sn1' (sn)"))
        << node.all<PeerLost>().at(0).reason;
}

TEST_F(TlsRefusalTest, AHelloThatContradictsTheCertificateIsRefused) {
    const std::string answer =
        attack(insider(hello_bytes("sl2", Role::sl)),
               "'sl2' (sl) shows the certificate of 'sl1': --name must be the name in --cert");
    EXPECT_TRUE(contains(answer, "shows the certificate of 'sl1'")) << "Refused gives the reason";
    EXPECT_TRUE(node.inputs.empty());
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, ARoleThatTheCertificateDoesNotIncludeIsRefused) {
    attack({authority.issue("sl1", {Role::tool}), false, hello_bytes("sl1", Role::sl), false},
           "'sl1' (sl) may not be sl: its certificate is for tool");
}

TEST_F(TlsRefusalTest, ANodeWithTheSameNameIsRefused) {
    const IdentityFiles both = authority.issue("sn1", {Role::sn, Role::sl});
    attack({both, false, hello_bytes("sn1", Role::sl), false}, "two nodes have the name 'sn1'");
}

TEST_F(TlsRefusalTest, Tls12IsRefused) {
    attack({authority.issue("sl1", {Role::sl}), true, {}, false}, "it does not speak TLS 1.3");
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, PlainHttpIsRecognised) {
    const RawSocket socket(port);
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "it sent an HTTP request; this port speaks TLS 1.3");
    })) << node.logged();
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, BytesThatAreNotTlsAreRefused) {
    const RawSocket socket(port);
    socket.write(std::string(2000, '\x5a'));
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "what it sent is no TLS: no Starling node's port?");
    })) << node.logged();
    EXPECT_TRUE(contains(node.logged(), "127.0.0.1:"));
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, BytesThatAreNotAFrameAreRefused) {
    attack(insider(Bytes(64, std::byte{0x5a})), "bad frame: not a Starling frame (wrong magic)");
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, AnotherWireVersionIsToldTheSupportedOne) {
    Bytes hello = hello_bytes("sl1", Role::sl);
    hello[4] = std::byte{wire_version + 1};
    const std::string answer =
        attack(insider(std::move(hello)),
               "bad frame: wire version " + std::to_string(wire_version + 1) +
                   ", this node supports version " + std::to_string(wire_version));
    EXPECT_TRUE(contains(answer, "this node supports version " + std::to_string(wire_version)));
}

TEST_F(TlsRefusalTest, AHugeFrameBeforeTheHelloIsRefused) {
    attack(insider(header_bytes(1, 1000000, 0)),
           "bad frame: a frame of 1000000 bytes before the hello");
    EXPECT_TRUE(node.inputs.empty());
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, AHugeLengthAfterTheHelloEndsTheConnection) {
    attack(insider(hello_bytes("sl1", Role::sl) + header_bytes(4, 0xffffffffU, 0)),
           "bad frame: message of 4294967295 bytes, at most 6291456");
    ASSERT_EQ(node.count<PeerLost>(), 1U);
    EXPECT_TRUE(contains(node.all<PeerLost>().at(0).reason, "message of 4294967295 bytes"));
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, AFrameBeforeTheHelloIsRefused) {
    attack(insider(encode_head(Frame{Heartbeat{}, {}})), "its first frame is Heartbeat, not Hello");
}

TEST_F(TlsRefusalTest, ASecondHelloEndsTheConnection) {
    attack(insider(hello_bytes("sl1", Role::sl) + hello_bytes("sl1", Role::sl)), "a second hello");
    EXPECT_EQ(node.count<PeerLost>(), 1U);
}

TEST_F(TlsRefusalTest, APartialFrameBeforeTheEndIsLogged) {
    Bytes half = encode_head(Frame{Heartbeat{"cifar10", 0, 0, 0}, {}});
    half.resize(half.size() - 3);
    attack(insider(hello_bytes("sl1", Role::sl) + half, true),
           "closed the connection in the middle of a frame");
    EXPECT_EQ(node.count<PeerLost>(), 1U);
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, ASilentClientIsDropped) {
    node.endpoint.reset();
    TlsEndpointOptions options = node_options();
    options.handshake_limit = std::chrono::milliseconds(300);
    node = open_test_endpoint(std::move(options));
    const RawSocket silent(port);
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "no hello within 300 ms");
    })) << node.logged();
    EXPECT_EQ(silent.read_all(), "");  // the node closed the connection
    expect_node_still_serves();
}

TEST_F(TlsRefusalTest, TooManyUnauthenticatedConnectionsDropTheOldest) {
    std::vector<std::unique_ptr<RawSocket>> silent;
    for (int i = 0; i < 257; ++i) {
        silent.push_back(std::make_unique<RawSocket>(port));
    }
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "dropped: 256 connections already await authentication");
    })) << node.logged();
    EXPECT_EQ(silent.front()->read_all(), "");
    expect_node_still_serves();
}

}  // namespace
}  // namespace starling::test
