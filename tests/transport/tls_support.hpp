#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "deploy/certs/cert_issuer.hpp"
#include "tests/support/all_of_type.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling::test {

/// A directory of its own for each test, removed afterwards.
class Folder {
public:
    std::string file(const std::string& name) const { return (directory_.path() / name).string(); }
    std::string write(const std::string& name, const std::string& text) const;

private:
    TemporaryDirectory directory_;
};

/// A CA and the certificates it made, as files.
class Authority {
public:
    Authority(const Folder& folder, const std::string& name);

    /// Certificate and key of a node that trusts this CA only, or the one given.
    IdentityFiles issue(const std::string& node, std::set<Role> roles, Validity validity = {},
                        const Authority* trusts = nullptr,
                        const std::string& address = "127.0.0.1") const;
    /// Writes a revocation list with these certificates (files) into the CA's directory.
    void revoke(const std::vector<std::string>& cert_files,
                std::chrono::seconds validity = std::chrono::hours(1)) const;
    const std::string& ca_path() const { return ca_path_; }
    const std::string& ca_pem() const { return ca_.cert_pem; }

private:
    const Folder& folder_;
    std::string name_;
    IssuedCert ca_;
    std::string ca_path_;
};

/// An endpoint and the inputs that it produced.
struct TestEndpoint {
    std::unique_ptr<PolledEndpoint> endpoint;
    std::vector<Input> inputs;
    std::shared_ptr<std::vector<std::string>> log = std::make_shared<std::vector<std::string>>();

    template <typename T>
    std::vector<T> all() const {
        return all_of_type<T>(inputs);
    }
    template <typename T>
    std::size_t count() const {
        return static_cast<std::size_t>(
            std::count_if(inputs.begin(), inputs.end(),
                          [](const Input& input) { return std::holds_alternative<T>(input); }));
    }
    /// All log lines, to be searched.
    std::string logged() const;
};

/// For what has to come: only a failed test waits so long. With sanitizers on busy cores 30 s were
/// too few.
constexpr std::chrono::seconds longest_wait(120);
constexpr SwarmDuration test_handshake_limit = std::chrono::seconds(20);

TlsEndpointOptions options_of(const std::string& name, Role role,
                              std::optional<IdentityFiles> identity,
                              std::vector<ListenOptions> listen = {});
/// Opens an endpoint; fails the test if it can't.
TestEndpoint open_test_endpoint(TlsEndpointOptions options);

/// Runs each party in turn briefly, until `done` or for half a minute. \return  done().
bool run_until(std::vector<TestEndpoint*> parties, const std::function<bool()>& done);

inline Address loopback(std::uint16_t port) { return {"127.0.0.1", port}; }

/// A blocking TCP connection that follows no protocol.
class RawSocket {
public:
    explicit RawSocket(std::uint16_t port);
    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;
    ~RawSocket();

    void write(const std::string& bytes) const;
    /// Reads until the other side closes.
    std::string read_all() const;
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

/// A TLS client that sends anything, as a hostile or faulty peer would.
struct RawTls {
    std::optional<IdentityFiles> identity;  ///< none: presents no certificate
    bool tls12_only = false;
    Bytes send;                     ///< after the handshake
    bool close_after_send = false;  ///< right after sending; otherwise when the other side closes
    /// Sent as soon as this many bytes from the other side are unread.
    Bytes send_last = {};
    int unread_bytes = 0;
    /// Runs in the calling thread until its end. \return  the received bytes, decrypted.
    std::string run(std::uint16_t port) const;
};

/// A TLS server that accepts one connection on a port and serves until the client ends.
class RawTlsServer {
public:
    explicit RawTlsServer(IdentityFiles identity);
    ~RawTlsServer();
    std::uint16_t port() const { return port_; }

private:
    int descriptor_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// Waits until this many bytes can be read from a socket; half a minute at most.
void wait_for_unread(int descriptor, int bytes);

bool contains(const std::string& text, const std::string& part);

/// Peak memory use of this process so far.
std::size_t peak_memory_bytes();

}  // namespace starling::test
