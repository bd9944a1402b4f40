// gen-cert after the first certificates were made: requests, renewal, revocation; checked with
// openssl.
#include "deploy/certs/gen_cert.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "deploy/certs/cert_files.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {
namespace {

class GenCertTest : public testing::Test {
protected:
    GenCertTest() { EXPECT_TRUE(gen_cert(options(1))); }

    GenCertOptions options(int index) const {
        GenCertOptions made;
        made.example = "x";
        made.index = index;
        made.host_ips = {"127.1.1.1"};
        made.workspace = folder.path().string();
        return made;
    }
    std::string file(const std::string& name) const {
        return (folder.path() / "x" / "cert" / name).string();
    }
    std::string text(const std::string& name) const { return *read_file(file(name)); }
    /// Exit code and output of `openssl verify`.
    std::pair<int, std::string> verify(const std::string& cert, bool with_lists = false) const {
        std::vector<std::string> command = {"/usr/bin/openssl", "verify",    "-x509_strict",
                                            "-purpose",         "sslserver", "-verify_ip",
                                            "127.1.1.1",        "-CApath",   file("ca/capath")};
        if (with_lists) {
            command.emplace_back("-crl_check");
        }
        command.push_back(file(cert));
        Program program(command);
        const int code = program.wait_exit();
        return {code, program.output()};
    }

    TemporaryDirectory folder;
};

TEST_F(GenCertTest, ARequestIsSignedWithoutItsKey) {
    ASSERT_TRUE(make_csr(options(2), Role::sl));
    const std::filesystem::path key = file("sl-2-key.pem");
    EXPECT_EQ(std::filesystem::status(key).permissions(), std::filesystem::perms(0600));
    const std::string key_text = text("sl-2-key.pem");
    std::filesystem::remove(key);  // the key stays on another host
    const auto lines = sign_csr(options(1), file("sl-2-csr.pem"), Role::sl);
    ASSERT_TRUE(lines) << lines.error().message;
    EXPECT_NE(lines->find("'sl2', role sl, addresses 127.1.1.1"), std::string::npos) << *lines;
    EXPECT_EQ(verify("sl-2-cert.pem").first, 0) << verify("sl-2-cert.pem").second;
    Program shown({"/usr/bin/openssl", "x509", "-noout", "-text", "-in", file("sl-2-cert.pem")});
    EXPECT_EQ(shown.wait_exit(), 0);
    for (const char* part : {"CN = sl2", "URI:urn:starling:role:sl", "IP Address:127.1.1.1",
                             "CA:FALSE", "TLS Web Server Authentication", "prime256v1"}) {
        EXPECT_NE(shown.output().find(part), std::string::npos) << part << shown.output();
    }
}

TEST_F(GenCertTest, TheSignerDeterminesTheRole) {
    ASSERT_TRUE(make_csr(options(2), Role::sl));
    const auto refused = sign_csr(options(1), file("sl-2-csr.pem"), Role::sn);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("requests role sl, but --role is sn"),
              std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(file("sl-2-cert.pem")));
}

TEST_F(GenCertTest, ADamagedRequestIsRefused) {
    ASSERT_TRUE(make_csr(options(2), Role::sl));
    std::string pem = text("sl-2-csr.pem");
    const std::size_t middle = pem.size() / 2;
    pem[middle] = pem[middle] == 'A' ? 'B' : 'A';
    ASSERT_TRUE(write_file(file("sl-2-csr.pem"), pem, FileMode::readable));
    const auto refused = sign_csr(options(1), file("sl-2-csr.pem"), Role::sl);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::usage);
    EXPECT_FALSE(sign_csr(options(1), file("sn-1-cert.pem"), Role::sn));
    EXPECT_EQ(sign_csr(options(1), file("none"), Role::sn).error().code, Errc::io);
}

TEST_F(GenCertTest, ARevokedCertificateIsRejectedByOpenssl) {
    ASSERT_TRUE(revoke_cert(options(1), "sl1"));
    EXPECT_NE(verify("sl-1-cert.pem", true).first, 0);
    EXPECT_NE(verify("sl-1-cert.pem", true).second.find("certificate revoked"), std::string::npos);
    EXPECT_EQ(verify("sn-1-cert.pem", true).first, 0) << verify("sn-1-cert.pem", true).second;
    // Also by file; the list then contains both, and revoking one again reports that.
    ASSERT_TRUE(revoke_cert(options(1), file("sn-1-cert.pem")));
    EXPECT_NE(verify("sn-1-cert.pem", true).first, 0);
    EXPECT_NE(verify("sl-1-cert.pem", true).first, 0);
    const auto again = revoke_cert(options(1), "sl1");
    ASSERT_TRUE(again);
    EXPECT_NE(again->find("Already revoked"), std::string::npos);
    EXPECT_NE(renew_crl(options(1))->find("2 revoked"), std::string::npos);
}

TEST_F(GenCertTest, OnlyCertificatesOfThisCaCanBeRevoked) {
    ASSERT_TRUE(gen_cert(options(2)));
    const auto foreign = revoke_cert(options(1), file("sl-2-cert.pem"));
    ASSERT_FALSE(foreign);
    EXPECT_NE(foreign.error().message.find("not issued by this host's CA"), std::string::npos);
    EXPECT_FALSE(revoke_cert(options(1), "nobody"));
    EXPECT_FALSE(revoke_cert(options(3), "sl3"));
}

TEST_F(GenCertTest, RenewalKeepsTheCaAndReplacesKeyAndCertificate) {
    const std::string ca = text("ca/capath/ca-1-cert.pem");
    const std::string key = text("sl-1-key.pem");
    const std::string cert = text("sl-1-cert.pem");
    ASSERT_TRUE(renew_certs(options(1)));
    EXPECT_EQ(text("ca/capath/ca-1-cert.pem"), ca);
    EXPECT_NE(text("sl-1-key.pem"), key);
    EXPECT_NE(text("sl-1-cert.pem"), cert);
    EXPECT_EQ(verify("sl-1-cert.pem").first, 0);
    EXPECT_FALSE(renew_certs(options(4)));
}

/// Others dial a node by the addresses of its first certificate, and this host may have more
/// addresses.
TEST_F(GenCertTest, RenewalKeepsNamesAndAddresses) {
    GenCertOptions again = options(1);
    again.host_ips.clear();
    const auto lines = renew_certs(again);
    ASSERT_TRUE(lines) << lines.error().message;
    EXPECT_NE(lines->find("Addresses in them: 127.1.1.1; names: localhost, and each node's own."),
              std::string::npos)
        << *lines;
    EXPECT_EQ(verify("sl-1-cert.pem").first, 0) << verify("sl-1-cert.pem").second;
    again.host_ips = {"192.0.2.7"};
    ASSERT_TRUE(renew_certs(again));
    EXPECT_NE(verify("sl-1-cert.pem").first, 0) << "a newly given address";
}

TEST_F(GenCertTest, RenewalKeepsTheExtensionsOfARequest) {
    GenCertOptions asked = options(1);
    asked.host_ips = {"192.0.2.7", "2001:db8::7"};
    asked.force = true;
    ASSERT_TRUE(make_csr(asked, Role::sl));
    ASSERT_TRUE(sign_csr(options(1), file("sl-1-csr.pem"), Role::sl));
    GenCertOptions again = options(1);
    again.host_ips.clear();
    const auto lines = renew_certs(again);
    ASSERT_TRUE(lines) << lines.error().message;
    EXPECT_NE(lines->find("Addresses of sn1: 127.1.1.1;"), std::string::npos) << *lines;
    EXPECT_NE(lines->find("Addresses of sl1: 192.0.2.7, 2001:db8::7;"), std::string::npos)
        << *lines;
}

TEST_F(GenCertTest, RenewalOfADamagedCertificateNamesTheRemedy) {
    ASSERT_TRUE(write_file(file("sl-1-cert.pem"), "no certificate", FileMode::readable));
    const std::string key = text("sn-1-key.pem");
    const auto refused = renew_certs(options(1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::usage);
    EXPECT_NE(refused.error().message.find("sl-1-cert.pem: no certificate in PEM form"),
              std::string::npos)
        << refused.error().message;
    EXPECT_EQ(text("sn-1-key.pem"), key) << "then nothing is renewed";
}

TEST_F(GenCertTest, WithoutAddressesThoseOfTheHostAreUsed) {
    GenCertOptions own = options(5);
    own.host_ips.clear();
    const auto lines = gen_cert(own);
    ASSERT_TRUE(lines) << lines.error().message;
    EXPECT_NE(lines->find("127.0.0.1"), std::string::npos) << *lines;
    Program check({"/usr/bin/openssl", "verify", "-verify_ip", "127.0.0.1", "-CApath",
                   file("ca/capath"), file("sn-5-cert.pem")});
    EXPECT_EQ(check.wait_exit(), 0) << check.output();
}

}  // namespace
}  // namespace starling::test
