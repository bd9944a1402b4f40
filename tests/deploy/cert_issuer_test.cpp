#include "deploy/certs/cert_issuer.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/gen_cert.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

struct Output {
    int code = -1;
    std::string text;
};

/// Runs a system command, such as a user would check the files with.
Output run(const std::string& command) {
    Output output;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> buffer{};
    std::size_t count = 0;
    while ((count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
        output.text.append(buffer.data(), count);
    }
    const int status = ::pclose(pipe);
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
}

unsigned mode_of(const std::string& file) {
    struct stat info {};
    EXPECT_EQ(::stat(file.c_str(), &info), 0) << file;
    return info.st_mode & 0777U;
}

std::string text_of(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class CertIssuerTest : public testing::Test {
protected:
    GenCertOptions options(int index) const {
        GenCertOptions made;
        made.example = "cifar10";
        made.index = index;
        made.host_ips = {"127.1.1.1", "::1"};
        made.workspace = workspace;
        return made;
    }
    std::string cert_file(const std::string& name) const {
        return workspace + "/cifar10/cert/" + name;
    }
    std::string capath() const { return cert_file("ca/capath"); }
    Output verify(const std::string& file) const {
        return run("openssl verify -x509_strict -CApath " + capath() + " " + cert_file(file));
    }

    TemporaryDirectory folder;
    const std::string workspace = folder.path().string();
};

TEST_F(CertIssuerTest, GenCertPassesStrictVerificationByOpenssl) {
    const Result<std::string> made = gen_cert(options(1));
    ASSERT_TRUE(made) << made.error().message;
    for (const char* kind : {"sn", "sl", "swci"}) {
        const std::string base = std::string(kind) + "-1";
        const Output verified = verify(base + "-cert.pem");
        EXPECT_EQ(verified.code, 0) << verified.text;
        EXPECT_EQ(mode_of(cert_file(base + "-key.pem")), 0600U);
        EXPECT_EQ(mode_of(cert_file(base + "-cert.pem")), 0644U);
    }
    EXPECT_EQ(mode_of(cert_file("ca/private/ca-1-key.pem")), 0600U);
    EXPECT_EQ(mode_of(cert_file("ca/private")), 0700U);
    EXPECT_TRUE(contains(*made, "Copy " + capath() + "/ca-1-cert.pem to ")) << *made;
}

TEST_F(CertIssuerTest, TheCertificateHasNameRoleAndAddresses) {
    ASSERT_TRUE(gen_cert(options(7)));
    const std::string text =
        run("openssl x509 -noout -text -in " + cert_file("swci-7-cert.pem")).text;
    for (const char* part :
         {"Version: 3", "Subject: CN = swci7", "Issuer: CN = starling-cifar10-ca-7",
          "ecdsa-with-SHA256", "prime256v1", "CA:FALSE", "Digital Signature",
          "TLS Web Server Authentication, TLS Web Client Authentication", "DNS:swci7",
          "IP Address:127.1.1.1", "IP Address:0:0:0:0:0:0:0:1", "URI:urn:starling:role:tool",
          "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier"}) {
        EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
    }
    const std::string ca = run("openssl x509 -noout -text -in " + capath() + "/ca-7-cert.pem").text;
    for (const char* part : {"CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"}) {
        EXPECT_TRUE(contains(ca, part)) << part << "\n" << ca;
    }
}

TEST_F(CertIssuerTest, HostsThatShareAWorkspaceTrustEachOther) {
    ASSERT_TRUE(gen_cert(options(1)));
    ASSERT_TRUE(gen_cert(options(2)));
    EXPECT_EQ(verify("sn-1-cert.pem").code, 0);
    EXPECT_EQ(verify("sl-2-cert.pem").code, 0);
    fs::remove(capath() + "/ca-1-cert.pem");
    ASSERT_TRUE(link_hashes(capath()));
    const Output unknown = verify("sn-1-cert.pem");
    EXPECT_NE(unknown.code, 0);
    EXPECT_TRUE(contains(unknown.text, "unable to get local issuer certificate")) << unknown.text;
    EXPECT_EQ(verify("sl-2-cert.pem").code, 0);
}

TEST_F(CertIssuerTest, TwoCasWithTheSameNameGetTwoHashLinks) {
    ASSERT_TRUE(gen_cert(options(1)));
    const Result<IssuedCert> twin = make_ca("starling-cifar10-ca-1", {});
    ASSERT_TRUE(twin);
    ASSERT_TRUE(write_file(capath() + "/a-twin.pem", twin->cert_pem, FileMode::readable));
    for (int times = 0; times < 2; ++times) {  // the second time changes nothing
        ASSERT_TRUE(link_hashes(capath()));
        const Result<std::string> hash = subject_hash(twin->cert_pem);
        ASSERT_TRUE(hash);
        EXPECT_EQ(fs::read_symlink(capath() + "/" + *hash + ".0"), "a-twin.pem");
        EXPECT_EQ(fs::read_symlink(capath() + "/" + *hash + ".1"), "ca-1-cert.pem");
        EXPECT_FALSE(fs::exists(capath() + "/" + *hash + ".2"));
        EXPECT_EQ(verify("sn-1-cert.pem").code, 0);
    }
}

TEST_F(CertIssuerTest, ACaIsReplacedOnlyWithForce) {
    ASSERT_TRUE(gen_cert(options(1)));
    const std::string key_file = cert_file("ca/private/ca-1-key.pem");
    const std::string key = text_of(key_file);
    const Result<std::string> again = gen_cert(options(1));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::usage);
    EXPECT_EQ(again.error().message,
              key_file +
                  " already exists: --renew issues new certificates with this CA, --force "
                  "replaces the CA as well; or choose another -i");
    EXPECT_EQ(text_of(key_file), key);

    GenCertOptions forced = options(1);
    forced.force = true;
    ASSERT_TRUE(gen_cert(forced));
    EXPECT_NE(text_of(key_file), key);
    EXPECT_EQ(verify("sn-1-cert.pem").code, 0);
}

TEST_F(CertIssuerTest, RsaKeysAreSupported) {
    GenCertOptions rsa = options(1);
    rsa.key_type = KeyType::rsa;
    ASSERT_TRUE(gen_cert(rsa));
    EXPECT_EQ(verify("sl-1-cert.pem").code, 0);
    EXPECT_TRUE(contains(run("openssl x509 -noout -text -in " + cert_file("sl-1-cert.pem")).text,
                         "Public-Key: (2048 bit)"));
}

TEST_F(CertIssuerTest, InvalidOptionsAreNamed) {
    GenCertOptions wrong = options(1);
    wrong.example = "../elsewhere";
    EXPECT_TRUE(contains(gen_cert(wrong).error().message, "-e '../elsewhere': 1 to 40 characters"));
    wrong = options(0);
    EXPECT_EQ(gen_cert(wrong).error().message, "-i 0: the index of a host is 1 to 9999");
    wrong = options(1);
    wrong.days = 0;
    EXPECT_EQ(gen_cert(wrong).error().message, "--days 0: 1 to 36500 are allowed");
    wrong = options(1);
    wrong.host_ips = {"127.0.0.1,URI:urn:starling:role:sn"};
    EXPECT_TRUE(contains(gen_cert(wrong).error().message, "is no IP address"))
        << gen_cert(wrong).error().message;
    EXPECT_FALSE(fs::exists(cert_file("ca/private/ca-1-key.pem")));
}

TEST_F(CertIssuerTest, ALeafNeedsARoleANodeNameAndACaCertificate) {
    const Result<IssuedCert> ca = make_ca("ca", {});
    ASSERT_TRUE(ca);
    LeafRequest request;
    request.name.name = "sl1";
    EXPECT_EQ(issue_leaf(*ca, request).error().message, "a certificate needs at least one role");
    request.roles = {Role::sl};
    EXPECT_EQ(issue_leaf({"no", "CA"}, request).error().code, Errc::malformed);
    request.dns_names = {"host,URI:urn:starling:role:sn"};
    EXPECT_TRUE(contains(issue_leaf(*ca, request).error().message, "is no DNS name"));
    request.dns_names.clear();
    request.name.name = "sl 1";
    EXPECT_TRUE(contains(issue_leaf(*ca, request).error().message, "is not a node name"));
}

TEST_F(CertIssuerTest, SerialNumbersAreUnique) {
    const Result<IssuedCert> one = make_ca("ca", {});
    const Result<IssuedCert> two = make_ca("ca", {});
    ASSERT_TRUE(one && two);
    const std::string first = workspace + "/one.pem";
    const std::string second = workspace + "/two.pem";
    ASSERT_TRUE(write_file(first, one->cert_pem, FileMode::readable));
    ASSERT_TRUE(write_file(second, two->cert_pem, FileMode::readable));
    const std::string serial = run("openssl x509 -noout -serial -in " + first).text;
    EXPECT_EQ(serial.size(), std::string("serial=\n").size() + 32) << serial;
    EXPECT_NE(serial, run("openssl x509 -noout -serial -in " + second).text);
}

}  // namespace
}  // namespace starling
