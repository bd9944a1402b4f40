// Certificates that are revoked, issued for another address, or replaced while a node runs.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/transport/tls_support.hpp"
#include "transport/crypto/vector_gcm.hpp"

namespace starling::test {
namespace {

class TlsRotationTest : public testing::Test {
protected:
    TlsRotationTest() { identity = authority.issue("sn1", {Role::sn}); }

    void open_node() {
        node = open_test_endpoint(
            options_of("sn1", Role::sn, identity, {{loopback(port), {Role::sl}}}));
    }
    TestEndpoint sl(const std::string& name, const IdentityFiles& files) {
        TestEndpoint party = open_test_endpoint(options_of(name, Role::sl, files));
        party.endpoint->connect(loopback(port), Role::sn);
        return party;
    }
    void expect_up(TestEndpoint& party) {
        EXPECT_TRUE(run_until({&node, &party}, [&] { return party.count<PeerUp>() == 1; }))
            << node.logged() << party.logged();
    }
    std::string expect_failed(TestEndpoint& party) {
        EXPECT_TRUE(run_until({&node, &party}, [&] { return party.count<ConnectFailed>() == 1; }));
        const auto failed = party.all<ConnectFailed>();
        EXPECT_TRUE(!failed.empty() && failed[0].fatal);
        return failed.empty() ? "" : failed[0].error.message;
    }
    /// Replaces the node's files by `fresh`, atomically, as an operator should.
    void replace_identity(const IdentityFiles& fresh) const {
        std::filesystem::rename(fresh.key, identity.key);
        std::filesystem::rename(fresh.cert, identity.cert);
    }

    Folder folder;
    Authority authority{folder, "host-1"};
    Authority other{folder, "host-2"};
    IdentityFiles identity;
    std::uint16_t port = free_port();
    TestEndpoint node;
};

TEST_F(TlsRotationTest, ARevokedDiallerIsRefusedAndBothSidesReportTheReason) {
    const IdentityFiles bad = authority.issue("sl1", {Role::sl});
    authority.revoke({bad.cert});
    open_node();
    TestEndpoint party = sl("sl1", bad);
    const std::string why = expect_failed(party);
    EXPECT_TRUE(contains(why, "does not accept this node's certificate (revoked)")) << why;
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "its certificate is not accepted (revoked by its CA)");
    })) << node.logged();
    TestEndpoint good = sl("sl2", authority.issue("sl2", {Role::sl}));
    expect_up(good);
}

TEST_F(TlsRotationTest, ARevokedAcceptorIsRefused) {
    open_node();
    authority.revoke({identity.cert});
    TestEndpoint party = sl("sl1", authority.issue("sl1", {Role::sl}));
    const std::string why = expect_failed(party);
    EXPECT_TRUE(contains(why, "revoked by its CA")) << why;
}

TEST_F(TlsRotationTest, ACaWithoutARevocationListIsTrustedBesideOneWithAList) {
    authority.revoke({authority.issue("sl9", {Role::sl}).cert});
    folder.write("host-1-ca/other.pem", other.ca_pem());
    open_node();
    TestEndpoint party = sl("sl1", other.issue("sl1", {Role::sl}, {}, &authority));
    expect_up(party);
}

TEST_F(TlsRotationTest, AnOutdatedRevocationListIsStillUsedWithAWarning) {
    const IdentityFiles bad = authority.issue("sl1", {Role::sl});
    authority.revoke({bad.cert}, std::chrono::seconds(-10));
    open_node();
    EXPECT_TRUE(contains(node.logged(), "is out of date since")) << node.logged();
    TestEndpoint good = sl("sl2", authority.issue("sl2", {Role::sl}));
    expect_up(good);
    TestEndpoint party = sl("sl1", bad);
    expect_failed(party);
}

TEST_F(TlsRotationTest, ADiallerRefusesACertificateForAnotherAddress) {
    identity = authority.issue("sn1", {Role::sn}, {}, nullptr, "192.0.2.1");
    open_node();
    TestEndpoint party = sl("sl1", authority.issue("sl1", {Role::sl}));
    const std::string why = expect_failed(party);
    EXPECT_TRUE(contains(why, "(not made for the address that was dialled)")) << why;
    EXPECT_TRUE(contains(why, "gen-cert --renew --host-ip")) << why;
}

TEST_F(TlsRotationTest, ANewCertificateIsLoadedAndConnectionsStay) {
    open_node();
    TestEndpoint before = sl("sl1", authority.issue("sl1", {Role::sl}));
    expect_up(before);
    replace_identity(other.issue("sn1", {Role::sn}));
    node.endpoint->reload();
    EXPECT_TRUE(run_until({&node, &before}, [&] {
        return contains(node.logged(), "certificate re-read: sn1, serial ");
    })) << node.logged();
    // It still trusts the old CA, and presents a certificate of the new one.
    const IdentityFiles old_trust = authority.issue("sl2", {Role::sl});
    const IdentityFiles new_trust = authority.issue("sl3", {Role::sl}, {}, &other);
    TestEndpoint stale = sl("sl2", old_trust);
    EXPECT_TRUE(contains(expect_failed(stale), "unknown CA"));
    TestEndpoint fresh = sl("sl3", new_trust);
    expect_up(fresh);
    EXPECT_EQ(before.count<PeerLost>(), 0U);
    before.endpoint->send({"sn1"}, Frame{Heartbeat{}, {}});
    EXPECT_TRUE(run_until({&node, &before}, [&] { return node.count<FrameReceived>() == 1; }));
}

TEST_F(TlsRotationTest, ChangedFilesAreNoticedWithoutASignal) {
    open_node();
    replace_identity(authority.issue("sn1b", {Role::sn}));
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "the certificate is for 'sn1b'");
    })) << node.logged();
    EXPECT_TRUE(contains(node.logged(), "goes on with those that it read before"));
    TestEndpoint party = sl("sl1", authority.issue("sl1", {Role::sl}));
    expect_up(party);
}

TEST_F(TlsRotationTest, PartlyReplacedFilesAreNotUsed) {
    open_node();
    const IdentityFiles fresh = authority.issue("sn1c", {Role::sn});
    std::filesystem::rename(fresh.key, identity.key);
    node.endpoint->reload();
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "is not the key of --cert");
    })) << node.logged();
    TestEndpoint party = sl("sl1", authority.issue("sl1", {Role::sl}));
    expect_up(party);
}

TEST_F(TlsRotationTest, FilesThatCouldNotBeReadOnceAreReadAgainWithoutAChange) {
    open_node();
    std::ifstream file(identity.cert);
    const std::string good{std::istreambuf_iterator<char>(file), {}};
    const auto time = std::filesystem::last_write_time(identity.cert) + std::chrono::seconds(1);
    const auto write = [&](const std::string& text) {  // both look alike from outside
        std::ofstream(identity.cert) << text;
        std::filesystem::last_write_time(identity.cert, time);
    };
    write(std::string(good.size(), 'x'));
    ASSERT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "goes on with those that it read before");
    })) << node.logged();
    write(good);
    EXPECT_TRUE(run_until({&node}, [&] { return contains(node.logged(), "certificate re-read"); }))
        << node.logged();
}

TEST_F(TlsRotationTest, OnlyTheRevokedPeerIsDisconnected) {
    const IdentityFiles bad = authority.issue("sl1", {Role::sl});
    open_node();
    TestEndpoint party = sl("sl1", bad);
    expect_up(party);
    TestEndpoint good = sl("sl2", authority.issue("sl2", {Role::sl}));
    expect_up(good);
    authority.revoke({bad.cert});
    node.endpoint->reload();
    EXPECT_TRUE(run_until({&node, &party, &good}, [&] { return party.count<PeerLost>() == 1; }));
    EXPECT_TRUE(contains(node.logged(), "is not accepted any more (revoked by its CA)"))
        << node.logged();
    EXPECT_EQ(good.count<PeerLost>(), 0U);
}

TEST_F(TlsRotationTest, TheLogSaysOnceWhatEncrypts) {
    open_node();
    const std::string log = node.logged();
    const std::size_t at = log.find("TLS: AES-128-GCM by ");
    ASSERT_NE(at, std::string::npos) << log;
    EXPECT_EQ(log.find("TLS: AES-128-GCM by ", at + 1), std::string::npos) << log;
    EXPECT_TRUE(contains(log, vector_gcm_missing())) << log;
}

TEST_F(TlsRotationTest, AnExpiringCertificateIsWarnedAbout) {
    identity = authority.issue("sn1", {Role::sn}, {.not_after = std::chrono::hours(24 * 10)});
    open_node();
    EXPECT_TRUE(contains(node.logged(), "make a new one (gen-cert --renew)")) << node.logged();
}

}  // namespace
}  // namespace starling::test
