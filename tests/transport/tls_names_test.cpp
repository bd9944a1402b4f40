// Two trusted CAs that issue certificates for the same name.
#include <gtest/gtest.h>

#include "tests/transport/tls_support.hpp"
#include "transport/tls/node_keys.hpp"

namespace starling::test {
namespace {

class TlsNames : public testing::Test {
protected:
    TlsNames() {
        folder.write("host-1-ca/other.pem", two.ca_pem());
        folder.write("host-2-ca/other.pem", one.ca_pem());
        port = free_port("127.0.0.1");
        server = open_test_endpoint(options_of("sn1", Role::sn, one.issue("sn1", {Role::sn}),
                                               {{loopback(port), {Role::sl, Role::sn}}}));
    }
    /// A node with this name, which has dialled the server.
    TestEndpoint& dial(const Authority& authority, const std::string& name, Role role = Role::sl) {
        parties.push_back(std::make_unique<TestEndpoint>(
            open_test_endpoint(options_of(name, role, authority.issue(name, {role})))));
        TestEndpoint& party = *parties.back();
        party.endpoint->connect(loopback(port), Role::sn);
        EXPECT_TRUE(run_until({&server, &party}, [&] {
            return party.count<PeerUp>() + party.count<ConnectFailed>() > 0;
        }));
        return party;
    }
    CaFingerprint ca_of(const Authority& authority) const {
        return check_identity(authority.issue("any", {Role::sl}), Role::sl)->ca;
    }
    static std::string refusal(const TestEndpoint& party) {
        return party.count<ConnectFailed>() == 0 ? "let in"
                                                 : party.all<ConnectFailed>()[0].error.message;
    }

    Folder folder;
    Authority one{folder, "host-1"};
    Authority two{folder, "host-2"};
    std::uint16_t port = 0;
    TestEndpoint server;
    std::vector<std::unique_ptr<TestEndpoint>> parties;
};

TEST_F(TlsNames, APinnedNameIsAcceptedFromItsCaOnly) {
    ASSERT_NE(ca_of(one), ca_of(two));
    server.endpoint->pin({{"sl1"}, ca_of(one)});
    const std::string refused = refusal(dial(two, "sl1"));
    EXPECT_TRUE(contains(refused, to_string(ca_of(one)))) << refused;
    EXPECT_TRUE(contains(refused, to_string(ca_of(two)))) << refused;
    EXPECT_EQ(server.count<PeerUp>(), 0U);
    EXPECT_TRUE(contains(server.logged(), to_string(ca_of(two)))) << server.logged();
    EXPECT_EQ(refusal(dial(one, "sl1")), "let in");
    EXPECT_EQ(refusal(dial(one, "sl1")), "let in") << "with a new key and certificate";
    EXPECT_EQ(server.all<PeerUp>()[0].ca, ca_of(one));
}

TEST_F(TlsNames, AConnectedPeerIsNotReplacedByANameOfAnotherCa) {
    dial(two, "sl1");
    EXPECT_TRUE(contains(refusal(dial(one, "sl1")), "another 'sl1' is connected"));
    EXPECT_EQ(server.count<PeerLost>(), 0U);
}

TEST_F(TlsNames, APinDisconnectsAPeerWithTheNameFromAnotherCa) {
    TestEndpoint& forger = dial(two, "sl1");
    server.endpoint->pin({{"sl1"}, ca_of(one)});
    EXPECT_TRUE(run_until({&server, &forger}, [&] {
        return server.count<PeerLost>() == 1 && forger.count<PeerLost>() == 1;
    }));
    EXPECT_EQ(refusal(dial(one, "sl1")), "let in");
    server.endpoint->pin({{"sl1"}, std::nullopt});
    EXPECT_TRUE(contains(refusal(dial(one, "sl1")), "was expelled"));
    server.endpoint->pin({{"sl1"}, std::nullopt, true});
    EXPECT_EQ(refusal(dial(two, "sl1")), "let in");
}

/// A node that learns of "a second process of this node" stops: only its own CA may cause that.
TEST_F(TlsNames, TheOwnNameFromAnotherCaIsNotTakenForACopyOfThisNode) {
    TestEndpoint& forger = dial(two, "sn1", Role::sn);
    ASSERT_EQ(forger.count<ConnectFailed>(), 1U);
    EXPECT_EQ(forger.all<ConnectFailed>()[0].error.code, Errc::refused);
    TestEndpoint& copy = dial(one, "sn1", Role::sn);
    ASSERT_EQ(copy.count<ConnectFailed>(), 1U);
    EXPECT_EQ(copy.all<ConnectFailed>()[0].error.code, Errc::replaced);
}

TEST_F(TlsNames, RegisteredCredentialsProveWhichCaIssuedThem) {
    const auto signer = make_node_signer(one.issue("sl1", {Role::sl}), {"sl1"}, Role::sl);
    const auto other = make_node_signer(two.issue("sl1", {Role::sl}), {"sl1"}, Role::sl);
    ASSERT_TRUE(signer && other);
    const Credentials good = (*signer)->credentials();
    EXPECT_EQ(good.ca, ca_of(one));
    const auto verifier = make_node_verifier();
    EXPECT_TRUE(verifier->endorsed({"sl1"}, Role::sl, good));
    Credentials forged = (*other)->credentials();
    forged.ca = good.ca;
    EXPECT_FALSE(verifier->endorsed({"sl1"}, Role::sl, forged))
        << "a fingerprint of another certificate";
    forged.issuer = good.issuer;
    EXPECT_FALSE(verifier->endorsed({"sl1"}, Role::sl, forged)) << "a CA that did not issue it";
    forged.issuer.clear();
    EXPECT_FALSE(verifier->endorsed({"sl1"}, Role::sl, forged));
}

}  // namespace
}  // namespace starling::test
