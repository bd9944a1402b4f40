#include "tests/transport/tls_support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/revocation.hpp"

namespace starling::test {
namespace {

namespace fs = std::filesystem;

sockaddr_in loopback_address(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int listening_socket(std::uint16_t& port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(descriptor, 8), 0);
    EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    return descriptor;
}

using ContextPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using SslPtr = std::unique_ptr<SSL, decltype(&SSL_free)>;

ContextPtr raw_context(const std::optional<IdentityFiles>& identity) {
    ContextPtr context(SSL_CTX_new(TLS_method()), &SSL_CTX_free);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    if (identity) {
        EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), identity->cert.c_str()), 1);
        EXPECT_EQ(
            SSL_CTX_use_PrivateKey_file(context.get(), identity->key.c_str(), SSL_FILETYPE_PEM), 1);
    }
    return context;
}

std::string read_to_end(SSL* ssl) {
    std::string text;
    char buffer[4096];
    std::size_t count = 0;
    while (SSL_read_ex(ssl, buffer, sizeof buffer, &count) == 1) {
        text.append(buffer, count);
    }
    ERR_clear_error();
    return text;
}

}  // namespace

std::string Folder::write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(file(name)).parent_path());
    std::ofstream(file(name)) << text;
    return file(name);
}

Authority::Authority(const Folder& folder, const std::string& name)
    : folder_(folder), name_(name), ca_path_(folder.file(name + "-ca")) {
    Result<IssuedCert> made = make_ca(name, {});
    EXPECT_TRUE(made);
    ca_ = *made;
    folder.write(name + "-ca/ca.pem", ca_.cert_pem);
}

IdentityFiles Authority::issue(const std::string& node, std::set<Role> roles, Validity validity,
                               const Authority* trusts, const std::string& address) const {
    LeafRequest request;
    request.name.name = node;
    request.roles = std::move(roles);
    request.validity = validity;
    request.ips = {address};
    request.dns_names = {"localhost"};
    Result<IssuedCert> leaf = issue_leaf(ca_, request);
    EXPECT_TRUE(leaf);
    IdentityFiles files;
    files.cert = folder_.write(name_ + "-" + node + "-cert.pem", leaf->cert_pem);
    files.key = folder_.write(name_ + "-" + node + "-key.pem", leaf->key_pem);
    files.ca_path = trusts != nullptr ? trusts->ca_path() : ca_path_;
    return files;
}

void Authority::revoke(const std::vector<std::string>& cert_files,
                       std::chrono::seconds validity) const {
    std::vector<Revoked> revoked;
    for (const std::string& file : cert_files) {
        revoked.push_back({facts_of(*read_file(file), ca_)->serial, 1'000'000});
    }
    folder_.write(name_ + "-ca/crl.pem", *make_crl(ca_, revoked, 1, validity));
}

std::string TestEndpoint::logged() const {
    std::string text;
    for (const std::string& line : *log) {
        text += line + "\n";
    }
    return text;
}

TlsEndpointOptions options_of(const std::string& name, Role role,
                              std::optional<IdentityFiles> identity,
                              std::vector<ListenOptions> listen) {
    TlsEndpointOptions options;
    options.name.name = name;
    options.role = role;
    options.identity = std::move(identity);
    options.listen = std::move(listen);
    options.handshake_limit = test_handshake_limit;
    return options;
}

TestEndpoint open_test_endpoint(TlsEndpointOptions options) {
    TestEndpoint party;
    options.log = [log = party.log](Level, std::string text) { log->push_back(std::move(text)); };
    Result<std::unique_ptr<PolledEndpoint>> endpoint = make_tls_endpoint(std::move(options));
    if (endpoint) {
        party.endpoint = std::move(*endpoint);
    } else {
        ADD_FAILURE() << endpoint.error().message;
        std::abort();
    }
    return party;
}

bool run_until(std::vector<TestEndpoint*> parties, const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + longest_wait;
    while (!done() && std::chrono::steady_clock::now() < end) {
        for (TestEndpoint* party : parties) {
            const SwarmTime moment = party->endpoint->now() + std::chrono::milliseconds(1);
            while (std::optional<Input> input = party->endpoint->receive_until(moment)) {
                party->inputs.push_back(std::move(*input));
            }
        }
    }
    return done();
}

RawSocket::RawSocket(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in address = loopback_address(port);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
}

RawSocket::~RawSocket() { ::close(descriptor_); }

void RawSocket::write(const std::string& bytes) const {
    EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
}

std::string RawSocket::read_all() const {
    std::string text;
    char buffer[4096];
    ssize_t count = 0;
    while ((count = ::recv(descriptor_, buffer, sizeof buffer, 0)) > 0) {
        text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
}

std::string RawTls::run(std::uint16_t port) const {
    const RawSocket socket(port);
    const ContextPtr context = raw_context(identity);
    if (tls12_only) {
        SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    }
    const SslPtr ssl(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(ssl.get(), socket.descriptor());
    if (SSL_connect(ssl.get()) != 1) {
        ERR_clear_error();
        return {};
    }
    std::size_t written = 0;
    if (!send.empty()) {
        SSL_write_ex(ssl.get(), send.data(), send.size(), &written);
    }
    if (!send_last.empty()) {
        wait_for_unread(socket.descriptor(), unread_bytes);
        SSL_write_ex(ssl.get(), send_last.data(), send_last.size(), &written);
    }
    return close_after_send ? std::string() : read_to_end(ssl.get());
}

RawTlsServer::RawTlsServer(IdentityFiles identity) {
    descriptor_ = listening_socket(port_);
    thread_ = std::thread([descriptor = descriptor_, identity = std::move(identity)] {
        const int client = ::accept(descriptor, nullptr, nullptr);
        const ContextPtr context = raw_context(identity);
        const SslPtr ssl(SSL_new(context.get()), &SSL_free);
        SSL_set_fd(ssl.get(), client);
        if (SSL_accept(ssl.get()) == 1) {
            read_to_end(ssl.get());
        }
        ERR_clear_error();
        ::close(client);
    });
}

RawTlsServer::~RawTlsServer() {
    ::shutdown(descriptor_, SHUT_RDWR);  // ends a blocked accept()
    thread_.join();
    ::close(descriptor_);
}

void wait_for_unread(int descriptor, int bytes) {
    const auto end = std::chrono::steady_clock::now() + longest_wait;
    int unread = 0;
    while (unread < bytes && std::chrono::steady_clock::now() < end) {
        EXPECT_EQ(::ioctl(descriptor, FIONREAD, &unread), 0);
        std::this_thread::yield();
    }
    EXPECT_GE(unread, bytes);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t peak_memory_bytes() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace starling::test
