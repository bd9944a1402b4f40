// Certificates of intermediate CAs, all kinds of keys, and incomplete certificate files.
#include <filesystem>
#include <fstream>

#include "tests/transport/chain_support.hpp"
#include "transport/tls/issuer.hpp"
#include "transport/tls/node_keys.hpp"
#include "transport/tls/pem_blocks.hpp"
#include "transport/tls/trust_store.hpp"

namespace starling::test {
namespace {

class TlsChainTest : public testing::Test {
protected:
    void open_node(const IdentityFiles& files) {
        node =
            open_test_endpoint(options_of("sn1", Role::sn, files, {{loopback(port), {Role::sl}}}));
    }
    TestEndpoint sl(const IdentityFiles& files) {
        TestEndpoint party = open_test_endpoint(options_of("sl1", Role::sl, files));
        party.endpoint->connect(loopback(port), Role::sn);
        return party;
    }
    void expect_up(TestEndpoint& party) {
        EXPECT_TRUE(
            run_until({&node, &party},
                      [&] { return party.count<PeerUp>() == 1 && node.count<PeerUp>() == 1; }))
            << node.logged() << party.logged();
    }
    std::string expect_failed(TestEndpoint& party) {
        EXPECT_TRUE(run_until({&node, &party}, [&] { return party.count<ConnectFailed>() == 1; }));
        const auto failed = party.all<ConnectFailed>();
        return failed.empty() ? "" : failed[0].error.message;
    }
    static std::string error_of(const IdentityFiles& files) {
        const Result<Identity> identity = check_identity(files, Role::sl);
        return identity ? "accepted" : identity.error().message;
    }
    static std::string text_in(const std::string& file) {
        std::ifstream stream(file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    Folder folder;
    ChainAuthority chain{folder};
    Authority plain{folder, "host-1"};
    std::uint16_t port = free_port();
    TestEndpoint node;
};

TEST_F(TlsChainTest, ACertificateOfAnIntermediateCaIsAccepted) {
    open_node(chain.issue("sn1", "sn"));
    TestEndpoint party = sl(chain.issue("sl1", "sl"));
    expect_up(party);
}

TEST_F(TlsChainTest, ARevokedIntermediateCaIsRefusedAndNamed) {
    const IdentityFiles files = chain.issue("sl1", "sl");
    chain.revoke_intermediate();
    IdentityFiles own = plain.issue("sn1", {Role::sn});
    own.ca_path = chain.ca_path();
    folder.write("host-1-ca/root.pem", chain.root().cert_pem);
    open_node(own);
    IdentityFiles trusting = files;
    trusting.ca_path = plain.ca_path();
    TestEndpoint party = sl(trusting);
    EXPECT_TRUE(contains(expect_failed(party), "(revoked)"));
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(),
                        "(revoked: the intermediate CA 'root-issuing' that made it)");
    })) << node.logged();
}

TEST_F(TlsChainTest, ALaterRevocationListOfTheRootClosesTheConnection) {
    open_node(chain.issue("sn1", "sn"));
    TestEndpoint party = sl(chain.issue("sl1", "sl"));
    expect_up(party);
    chain.revoke_intermediate();
    node.endpoint->reload();
    EXPECT_TRUE(run_until({&node, &party}, [&] { return node.count<PeerLost>() == 1; }));
    EXPECT_TRUE(contains(node.logged(), "is not accepted any more (revoked: the intermediate CA"))
        << node.logged();
}

TEST_F(TlsChainTest, ACaWithoutARevocationListIsTrustedAndReportedOnce) {
    folder.write("root-ca/host-1.pem", plain.ca_pem());
    plain.revoke({plain.issue("sl9", {Role::sl}).cert});
    std::filesystem::copy_file(plain.ca_path() + "/crl.pem", chain.ca_path() + "/crl.pem");
    open_node(chain.issue("sn1", "sn"));
    const IdentityFiles files = chain.issue("sl1", "sl");
    for (int i = 1; i <= 2; ++i) {
        TestEndpoint party = sl(files);
        EXPECT_TRUE(run_until({&node, &party}, [&] { return party.count<PeerUp>() == 1; }));
    }
    for (const std::string ca : {"root", "root-issuing"}) {
        const std::string note = "the CA '" + ca + "' has no revocation list here";
        const std::string text = node.logged();
        const std::size_t first = text.find(note);
        ASSERT_NE(first, std::string::npos) << text;
        EXPECT_EQ(text.find(note, first + 1), std::string::npos) << text;
    }
}

TEST_F(TlsChainTest, MissingRevocationListsAreReportedOnce) {
    open_node(chain.issue("sn1", "sn"));
    EXPECT_TRUE(contains(node.logged(), "--capath " + chain.ca_path() +
                                            " holds no revocation list: no certificate counts as "
                                            "revoked"))
        << node.logged();
}

TEST_F(TlsChainTest, EveryKeyThatTls13SupportsSignsConnectionsAndCommands) {
    const std::vector<KeyKind> kinds = {{"ED25519", ""}, {"ED448", ""},   {"EC", "P-256"},
                                        {"EC", "P-384"}, {"EC", "P-521"}, {"RSA", "", 2048}};
    open_node(plain.issue("sn1", {Role::sn}));
    folder.write("host-1-ca/root.pem", chain.root().cert_pem);
    node.endpoint->reload();
    const std::shared_ptr<const NodeVerifier> verifier = make_node_verifier();
    for (const KeyKind& kind : kinds) {
        IdentityFiles files = chain.issue("sl1", "sl", kind);
        files.ca_path = plain.ca_path();
        const auto signer = make_node_signer(files, {"sl1"}, Role::sl);
        ASSERT_TRUE(signer) << kind.type << kind.curve << ": " << signer.error().message;
        const Credentials& shown = (*signer)->credentials();
        EXPECT_TRUE(verifier->endorsed({"sl1"}, Role::sl, shown)) << kind.type << kind.curve;
        Credentials other = shown;
        other.key.bytes[0] ^= std::byte{1};
        EXPECT_FALSE(verifier->endorsed({"sl1"}, Role::sl, other)) << kind.type << kind.curve;
        TestEndpoint party = sl(files);
        EXPECT_TRUE(run_until({&node, &party}, [&] { return party.count<PeerUp>() == 1; }))
            << kind.type << kind.curve << node.logged();
    }
}

TEST_F(TlsChainTest, AKeyThatTls13DoesNotSupportIsRefusedByName) {
    const std::string brainpool = error_of(chain.issue("sl1", "sl", {"EC", "brainpoolP256r1"}));
    EXPECT_TRUE(contains(brainpool, "--cert ")) << brainpool;
    EXPECT_TRUE(contains(brainpool,
                         "TLS 1.3 can't use its EC key on the curve brainpoolP256r1: "
                         "make one of RSA with 2048 bits or more"))
        << brainpool;
    const std::string other = error_of(chain.issue("sl1", "sl", {"X25519", ""}));
    EXPECT_TRUE(contains(other, "TLS 1.3 can't use its key, which is of type X25519")) << other;
    const std::string weak = error_of(chain.issue("sl1", "sl", {"RSA", "", 1024}));
    EXPECT_TRUE(contains(weak, "its RSA key of 1024 bits is too weak: make one of RSA with 2048"))
        << weak;
}

TEST_F(TlsChainTest, ATruncatedBundleIsNamedWithItsBlock) {
    IdentityFiles files = chain.issue("sl1", "sl");
    const std::string whole = text_in(files.cert);
    const std::string bundle = whole + plain.ca_pem();
    // Truncated in the last block, in its last line, and in its first line.
    for (const std::size_t left : {whole.size() + 200, bundle.size() - 5, whole.size() + 15}) {
        const std::string cut = folder.write("cut.pem", bundle.substr(0, left));
        IdentityFiles own = files;
        own.cert = cut;
        EXPECT_TRUE(contains(error_of(own), "--cert " + cut +
                                                ": block 3 of the 3 in it is cut or "
                                                "damaged"))
            << error_of(own);
        IdentityFiles trusting = files;
        trusting.ca_path.clear();
        trusting.ca_file = cut;
        EXPECT_TRUE(contains(error_of(trusting), "--cacert " + cut + ": block 3 of the 3"))
            << error_of(trusting);
    }
}

TEST_F(TlsChainTest, ACertificateAfterThatOfItsCaIsNamed) {
    IdentityFiles files = chain.issue("sl1", "sl");
    const std::string leaf = text_in(files.cert);
    files.cert = folder.write("turned.pem", chain.intermediate().cert_pem + leaf);
    EXPECT_EQ(error_of(files), "--cert " + files.cert +
                                   ": the node's own certificate must stand first, and stands in "
                                   "place 2");
}

TEST_F(TlsChainTest, AMissingIntermediateCaIsWarnedAbout) {
    IdentityFiles files = chain.issue("sn1", "sn");
    const std::string leaf = text_in(files.cert);
    files.cert = folder.write("leaf.pem", leaf.substr(0, leaf.find("-----BEGIN", 1)));
    open_node(files);
    EXPECT_TRUE(contains(node.logged(),
                         "the CA 'root-issuing', which made 'sn1', stands neither in "
                         "this file nor in --capath"))
        << node.logged();
    TestEndpoint party = sl(chain.issue("sl1", "sl"));
    EXPECT_TRUE(contains(expect_failed(party), "intermediate ones behind the node's own"));
}

TEST_F(TlsChainTest, TrustInAnIntermediateCaAloneIsNamed) {
    IdentityFiles files = chain.issue("sl1", "sl");
    files.ca_path.clear();
    files.ca_file = folder.write("intermediate.pem", chain.intermediate().cert_pem);
    EXPECT_EQ(error_of(files), "--cacert " + files.ca_file +
                                   " holds the intermediate CA 'root-issuing' without 'root', "
                                   "which made it: put that certificate there too, or no node with "
                                   "a certificate of either is accepted");
    // Beside the root of another CA it is no reason to stop: those peers can be verified.
    files = plain.issue("sn1", {Role::sn});
    folder.write("host-1-ca/intermediate.pem", chain.intermediate().cert_pem);
    open_node(files);
    EXPECT_TRUE(contains(node.logged(), "holds the intermediate CA 'root-issuing' without 'root'"))
        << node.logged();
    files = chain.issue("sl1", "sl");
    folder.write("root-ca/host-1.pem", plain.ca_pem());
    TestEndpoint party = sl(files);
    expect_failed(party);
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "(only 'root-issuing' is trusted here, an intermediate CA");
    })) << node.logged();
}

TEST_F(TlsChainTest, TheLedgerKeepsTheChainAndAnAuditorVerifiesItUpToTheRoot) {
    const auto signer = make_node_signer(chain.issue("sl1", "sl"), {"sl1"}, Role::sl);
    ASSERT_TRUE(signer) << signer.error().message;
    const Bytes& shown = *(*signer)->credentials().certificate;
    const Result<TrustStore> trust = TrustStore::load(chain.ca_path(), "");
    ASSERT_TRUE(trust) << trust.error().message;
    EXPECT_TRUE(trust->verify_recorded(shown)) << trust->verify_recorded(shown).error().message;
    const Result<TrustStore> other = TrustStore::load(plain.ca_path(), "");
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_TRUE(contains(other->verify_recorded(shown).error().message,
                         "no trusted CA stands behind its certificate (unknown CA"));
    // Signatures made before the intermediate was revoked stay valid.
    chain.revoke_intermediate();
    const Result<TrustStore> later = TrustStore::load(chain.ca_path(), "");
    ASSERT_TRUE(later) << later.error().message;
    EXPECT_TRUE(later->verify_recorded(shown));
    const auto certificates = decode_chain(shown);
    ASSERT_TRUE(certificates) << certificates.error().message;
    EXPECT_EQ(certificates->size(), 2U);
    EXPECT_EQ(later->check(*certificates, TrustStore::Revocation::checked).ca, "root-issuing");
}

/// Departments with intermediate CAs of one root are distinguished.
TEST_F(TlsChainTest, ANameIsPinnedToTheIntermediateCaThatIssuedItsCertificate) {
    const IdentityFiles files = chain.issue("sl1", "sl");
    const auto signer = make_node_signer(files, {"sl1"}, Role::sl);
    ASSERT_TRUE(signer) << signer.error().message;
    const Credentials& shown = (*signer)->credentials();
    const auto certificates = decode_chain(*shown.certificate);
    ASSERT_TRUE(certificates) << certificates.error().message;
    const CaFingerprint issuing = ca_fingerprint(*certificates->at(1));
    EXPECT_EQ(shown.ca, issuing);
    EXPECT_EQ(check_identity(files, Role::sl)->ca, issuing);
    open_node(chain.issue("sn1", "sn"));
    TestEndpoint party = sl(files);
    expect_up(party);
    EXPECT_EQ(node.all<PeerUp>().at(0).ca, issuing) << "as the port sees it";
    const auto root = read_pem_file("", folder.write("root.pem", chain.root().cert_pem));
    ASSERT_TRUE(root) << root.error().message;
    Credentials forged = shown;
    forged.issuer = encode_chain(root->certificates);
    forged.ca = ca_fingerprint(*root->certificates.at(0));
    EXPECT_FALSE(make_node_verifier()->endorsed({"sl1"}, Role::sl, forged))
        << "it was not issued by the root";
}

TEST_F(TlsChainTest, AChainThatIsTooLongOrHasTrailingBytesIsRefused) {
    const auto signer = make_node_signer(chain.issue("sl1", "sl"), {"sl1"}, Role::sl);
    ASSERT_TRUE(signer) << signer.error().message;
    Credentials shown = (*signer)->credentials();
    const std::shared_ptr<const NodeVerifier> verifier = make_node_verifier();
    EXPECT_TRUE(verifier->endorsed({"sl1"}, Role::sl, shown));
    const Bytes once = *shown.certificate;
    shown.certificate.change().push_back(std::byte{0});
    EXPECT_FALSE(verifier->endorsed({"sl1"}, Role::sl, shown));
    shown.certificate.clear();
    for (int i = 0; i < 3; ++i) {
        Bytes& thrice = shown.certificate.change();
        thrice.insert(thrice.end(), once.begin(), once.end());
    }
    EXPECT_FALSE(verifier->endorsed({"sl1"}, Role::sl, shown));
}

TEST_F(TlsChainTest, ANodeThatOthersCouldNotDialIsReportedAtItsOwnStart) {
    TlsEndpointOptions options = options_of("sn1", Role::sn, chain.issue("sn1", "sn"));
    options.reached_as = {"127.0.0.1"};
    EXPECT_TRUE(make_tls_endpoint(options));
    for (const std::string host : {"192.0.2.1", "sn1.example.org"}) {
        options.reached_as = {host};
        const auto opened = make_tls_endpoint(options);
        ASSERT_FALSE(opened) << host;
        EXPECT_EQ(opened.error().code, Errc::refused);
        EXPECT_EQ(opened.error().message,
                  "--cert " + options.identity->cert + ": the certificate is not made for '" +
                      host +
                      "', under which others dial this node, so they would refuse it: make it "
                      "with gen-cert --renew --host-ip " +
                      host + ", or start with a --host-ip that it names (127.0.0.1)");
    }
}

TEST_F(TlsChainTest, ANewCertificateUnderWhichOthersCouldNotDialIsNotUsed) {
    TlsEndpointOptions options = options_of("sn1", Role::sn, plain.issue("sn1", {Role::sn}));
    options.reached_as = {"127.0.0.1"};
    node = open_test_endpoint(options);
    const IdentityFiles fresh = plain.issue("sn1", {Role::sn}, {}, nullptr, "192.0.2.1");
    ASSERT_EQ(fresh.cert, options.identity->cert);
    node.endpoint->reload();
    EXPECT_TRUE(run_until({&node}, [&] {
        return contains(node.logged(), "the certificate is not made for '127.0.0.1'");
    })) << node.logged();
    EXPECT_TRUE(contains(node.logged(), "goes on with those that it read before"));
}

}  // namespace
}  // namespace starling::test
