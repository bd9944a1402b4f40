#include <filesystem>

#include <gtest/gtest.h>

#include "tests/transport/tls_support.hpp"

namespace starling::test {
namespace {

class TlsIdentityTest : public testing::Test {
protected:
    std::string error_of(const IdentityFiles& given, Role role = Role::sl) const {
        const Result<Identity> identity = check_identity(given, role);
        if (identity) {
            return "accepted";
        }
        EXPECT_EQ(identity.error().code, Errc::refused);
        return identity.error().message;
    }

    Folder folder;
    Authority authority{folder, "host-1"};
    IdentityFiles files = authority.issue("sl1", {Role::sl, Role::tool});
};

TEST_F(TlsIdentityTest, NameAndRolesComeFromTheCertificate) {
    const Result<Identity> identity = check_identity(files, Role::sl);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->name.name, "sl1");
    EXPECT_EQ(identity->roles, (std::set<Role>{Role::sl, Role::tool}));
}

TEST_F(TlsIdentityTest, OneFileOfCasIsSufficient) {
    files.ca_file = files.ca_path + "/ca.pem";
    files.ca_path.clear();
    EXPECT_EQ(error_of(files), "accepted");
}

TEST_F(TlsIdentityTest, AMissingFlagIsNamed) {
    IdentityFiles missing = files;
    missing.cert.clear();
    EXPECT_EQ(error_of(missing),
              "--cert is missing (or SWARM_ID_CERT in the environment): nodes "
              "talk over mutual TLS only");
    missing = files;
    missing.ca_path.clear();
    EXPECT_EQ(error_of(missing),
              "--capath or --cacert is missing: without CA certificates no peer "
              "can prove who it is");
}

TEST_F(TlsIdentityTest, AMissingFileIsNamed) {
    files.key = folder.file("nowhere.pem");
    EXPECT_EQ(error_of(files), "--key " + files.key + ": can't be read: No such file or directory");
}

TEST_F(TlsIdentityTest, AFileWithoutACertificateIsNamed) {
    files.cert = folder.write("text.pem", "hello");
    EXPECT_TRUE(
        contains(error_of(files), "--cert " + files.cert + ": is no certificate in PEM form"))
        << error_of(files);
}

TEST_F(TlsIdentityTest, AKeyThatDoesNotMatchTheCertificateIsNamed) {
    files.key = authority.issue("sl2", {Role::sl}).key;
    EXPECT_EQ(error_of(files), "--key " + files.key + ": is not the key of --cert " + files.cert);
}

TEST_F(TlsIdentityTest, AnExpiredCertificateIsNamed) {
    files = authority.issue("sl1", {Role::sl},
                            {std::chrono::seconds(-7200), std::chrono::seconds(-3600)});
    EXPECT_TRUE(contains(error_of(files), "--cert " + files.cert + ": the certificate expired on "))
        << error_of(files);
}

TEST_F(TlsIdentityTest, ACertificateThatIsNotYetValidIsNamed) {
    files = authority.issue("sl1", {Role::sl},
                            {std::chrono::seconds(3600), std::chrono::seconds(7200)});
    EXPECT_TRUE(contains(error_of(files), "the certificate is not valid before "))
        << error_of(files);
}

TEST_F(TlsIdentityTest, ARoleMissingInTheCertificateIsNamed) {
    EXPECT_EQ(error_of(files, Role::sn),
              "--cert " + files.cert + ": the certificate is not for role sn but for sl, tool");
}

TEST_F(TlsIdentityTest, ADirectoryWithoutCasIsNamed) {
    files.ca_path = folder.file("empty");
    std::filesystem::create_directory(files.ca_path);
    EXPECT_EQ(error_of(files), "--capath " + files.ca_path +
                                   ": holds no *.pem file: put the CA certificate of every host "
                                   "there");
}

TEST_F(TlsIdentityTest, APrivateKeyAmongTheCasIsNamed) {
    std::filesystem::copy_file(files.key, files.ca_path + "/stray.pem");
    EXPECT_EQ(error_of(files),
              "--capath " + files.ca_path +
                  "/stray.pem: holds no certificate and no revocation list in PEM form");
}

TEST_F(TlsIdentityTest, ANodeMayNotUseAnotherName) {
    const auto opened = make_tls_endpoint(options_of("sl2", Role::sl, files));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message,
              "--cert " + files.cert + ": the certificate is for 'sl1', this node is 'sl2'");
}

}  // namespace
}  // namespace starling::test
