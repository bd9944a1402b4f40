// Every listening port, and the peers it must refuse: `openssl s_client` acts as a client that
// ignores the protocol.
#include <csignal>

#include "core/wire/codec.hpp"
#include "deploy/certs/revocation.hpp"
#include "tests/system/system_swarm.hpp"
#include "transport/tls/certificate.hpp"

namespace starling::test {
namespace {

/// A port of a running node and which peers may dial it.
struct Port {
    std::string what;
    std::string address;  ///< HOST:PORT
    Role allowed;
    Role wrong;
    Program* node;
};

class Ports : public SystemSwarm {
protected:
    Ports() {
        const IssuedCert stranger = *make_ca("stranger CA", {});
        for (const auto& [role, name] : {std::pair{Role::sn, "sn"}, std::pair{Role::sl, "sl"},
                                         std::pair{Role::apls, "apls"}}) {
            const std::string text = name;
            issue(text + "8", role, ca);
            issue(text + "7", role, ca, {std::chrono::hours(-48), std::chrono::hours(-24)});
            issue(text + "6", role, ca);
            issue(text + "5", role, stranger);
        }
        std::vector<Revoked> revoked;
        for (const char* file : {"sn6.pem", "sl6.pem"}) {
            revoked.push_back({facts_of(read_text(path(file)), ca)->serial, 1'000'000});
        }
        EXPECT_TRUE(write_file(path("ca/crl.pem"), *make_crl(ca, revoked, 1, std::chrono::hours(1)),
                               FileMode::readable));
        issue("apls1", Role::apls, ca);
    }

    void start_all() {
        auto sn_line = sn_command(identity("sn1"));
        const std::uint16_t p2p = free_port("127.0.1.1");
        sn_line.push_back("--sn-p2p-port=" + std::to_string(p2p));
        sn_line.push_back("--metrics-port=" + std::to_string(metrics));
        sn = std::make_unique<Program>(sn_line);
        ASSERT_TRUE(sn->wait_for("Starting SWARM-API-SERVER on port")) << sn->output();
        sl = start_sl(1, "--batches 1000000");
        ASSERT_TRUE(sl->wait_for("Successfully completed the initialization")) << sl->output();
        start_apls();
        const std::string fs = "127.0.1.1:" + std::to_string(fs_port);
        ports = {{"SN API", "127.0.1.1:" + std::to_string(sn_port), Role::sl, Role::apls, sn.get()},
                 {"SN p2p", "127.0.1.1:" + std::to_string(p2p), Role::sn, Role::sl, sn.get()},
                 {"SL file port", fs, Role::sl, Role::sn, sl.get()},
                 {"licence server", "127.0.1.1:" + std::to_string(apls_port), Role::sl, Role::apls,
                  apls.get()}};
    }

    void start_apls() {
        run_well({bin("run-apls"), "--make-key=" + path("issuer")});
        run_well({bin("run-apls"), "--issue=" + path("licence.txt"),
                  "--issuer-key=" + path("issuer-key.pem"), "--licensee=A", "--seats-sn=1",
                  "--seats-sl=2", "--from=2020-01-01", "--until=2099-12-31"});
        std::vector<std::string> command = {bin("run-apls"),
                                            "--host-ip=127.0.1.1",
                                            "--apls-port=" + std::to_string(apls_port),
                                            "--licence=" + path("licence.txt"),
                                            "--licence-key=" + path("issuer-public.pem"),
                                            "--workspace=" + path("host-1")};
        for (const std::string& flag : identity("apls1")) {
            command.push_back(flag);
        }
        apls = std::make_unique<Program>(command);
        ASSERT_TRUE(apls->wait_for("Licence server is ready on port")) << apls->output();
    }
    static void run_well(const std::vector<std::string>& command) {
        Program program(command);
        ASSERT_EQ(program.wait_exit(Seconds(30)), 0) << program.output();
    }

    /// Path of a file with the first frame of a node.
    std::string hello(const std::string& name, Role role) const {
        const Bytes bytes = encode_head(Frame{Hello{NodeId{name}, role}, {}});
        const std::string file = path("hello-" + name);
        EXPECT_TRUE(write_file(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                               FileMode::readable));
        return file;
    }

    /// What openssl's client receives from the node.
    std::string dial(const Port& port, const std::string& certificate, const std::string& flags,
                     const std::string& send) const {
        std::string command = "timeout 20 openssl s_client -connect " + port.address + " -CAfile " +
                              path("ca/ca.pem") + " -verify_return_error " + flags;
        if (!certificate.empty()) {
            command +=
                " -cert " + path(certificate + ".pem") + " -key " + path(certificate + ".key");
        }
        // It runs until the node closes the connection; an accepted one is ended by the time limit.
        Program client({"/bin/sh", "-c", command + " -quiet < " + send + " 2>/dev/null"});
        client.wait_exit(Seconds(30));
        return client.output();
    }

    /// The node must log the client's address and `why`.
    void expect_refused(const Port& port, const std::string& certificate, const std::string& why,
                        const std::string& flags = "", const std::string& name = "") const {
        const std::string node = certificate.empty() ? "nobody" : certificate;
        const Role role = name.empty() ? role_of(node) : port.allowed;
        port.node->drain();
        const std::size_t before = port.node->output().size();
        const std::string got =
            dial(port, certificate, flags, hello(name.empty() ? node : name, role));
        EXPECT_FALSE(holds(got, own_name(port))) << port.what << " is accepted: " << why;
        EXPECT_TRUE(port.node->wait_for(why, Seconds(20), before))
            << port.what << ": " << why << "\n"
            << port.node->output();
        const std::string line = line_with(port.node->output(), why);
        EXPECT_TRUE(holds(line, "127.0.0.1:")) << port.what << ": " << line;
        std::printf("%-15s %s\n", port.what.c_str(), line.c_str());
    }
    /// What the node's own Hello contains.
    std::string own_name(const Port& port) const {
        return port.node == sl.get() ? "sl1" : port.node == sn.get() ? "sn1" : "apls1";
    }
    static Role role_of(const std::string& name) {
        return name.starts_with("sn") ? Role::sn : name.starts_with("sl") ? Role::sl : Role::apls;
    }
    static std::string line_with(const std::string& text, const std::string& part) {
        const std::size_t at = text.rfind(part);
        if (at == std::string::npos) {
            return "";
        }
        const std::size_t from = text.rfind('\n', at) + 1;
        return text.substr(from, text.find('\n', at) - from);
    }

    std::uint16_t apls_port = free_port("127.0.1.1");
    std::uint16_t metrics = free_port("127.0.0.1");
    std::unique_ptr<Program> sn;
    std::unique_ptr<Program> sl;
    std::unique_ptr<Program> apls;
    std::vector<Port> ports;
};

TEST_F(Ports, EachRefusesUnauthorisedPeersAndLogsTheirAddress) {
    start_all();
    for (const Port& port : ports) {
        const std::string role = port.allowed == Role::sn ? "sn" : "sl";
        const std::string wrong(to_string(port.wrong));
        expect_refused(port, "", "it showed no certificate");
        expect_refused(port, role + "5", "its certificate is not accepted (unknown CA)");
        expect_refused(port, role + "7", "its certificate is not accepted (expired)");
        expect_refused(port, role + "6", "its certificate is not accepted (revoked by its CA)");
        expect_refused(port, wrong + "8", "'" + wrong + "8' (" + wrong + ") used the wrong port");
        expect_refused(port, role + "8",
                       "'" + role + "9' (" + role + ") shows the certificate of '" + role + "8'",
                       "", role + "9");
        expect_refused(port, role + "8", "it does not speak TLS 1.3", "-tls1_2");
    }
}

TEST_F(Ports, EachAcceptsAuthorisedPeers) {
    start_all();
    for (const Port& port : ports) {
        const std::string role = port.allowed == Role::sn ? "sn" : "sl";
        const std::string file = hello(role + "8", port.allowed);
        Program client(
            {"/bin/sh", "-c",
             "exec openssl s_client -connect " + port.address + " -CAfile " + path("ca/ca.pem") +
                 " -verify_return_error -verify_ip 127.0.1.1 -cert " + path(role + "8.pem") +
                 " -key " + path(role + "8.key") + " -quiet < " + file + " 2>/dev/null"});
        // The node's own Hello comes only after it has accepted this one. openssl's output about
        // the certificate, which contains the name too, is left out.
        EXPECT_TRUE(client.wait_for(own_name(port), Seconds(20))) << port.what << client.output();
    }
}

/// Ports that a process listens on, "ADDRESS:PORT", from ss.
TEST_F(Ports, OnlyMetricsOnLoopbackIsServedWithoutTls) {
    start_all();
    std::vector<pid_t> all = {sn->pid(), sl->pid(), apls->pid()};
    const std::vector<pid_t> ml = sl->children();
    ASSERT_EQ(ml.size(), 1U);
    all.insert(all.end(), ml.begin(), ml.end());
    for (const pid_t pid : all) {
        Program sockets(
            {"/bin/sh", "-c",
             "ss -Hltunp | grep 'pid=" + std::to_string(pid) + ",' | awk '{print $5}'"});
        ASSERT_EQ(sockets.wait_exit(), 0);
        std::size_t from = 0;
        const std::string& found = sockets.output();
        EXPECT_EQ(found.empty(), pid == ml.front()) << found;
        while (from < found.size()) {
            const std::size_t to = found.find('\n', from);
            const std::string address = found.substr(from, to - from);
            from = to + 1;
            if (address == "127.0.0.1:" + std::to_string(metrics)) {
                continue;
            }
            Program client(
                {"/bin/sh", "-c", "openssl s_client -connect " + address + " -tls1_3 < /dev/null"});
            client.wait_exit();
            EXPECT_TRUE(holds(client.output(), "TLSv1.3")) << address << client.output();
        }
    }
}

}  // namespace
}  // namespace starling::test
