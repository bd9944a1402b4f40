#pragma once

#include <cstdio>
#include <filesystem>

#include <gtest/gtest.h>

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/cert_issuer.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling::test {

inline bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Number of occurrences of `part` in `text`.
inline std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

/// A command with additional arguments.
inline std::vector<std::string> with(std::vector<std::string> command,
                                     const std::vector<std::string>& more) {
    command.insert(command.end(), more.begin(), more.end());
    return command;
}

/// Two hosts of their own on loopback addresses, with certificates and a workspace each, for tests
/// that run the programs as a user would. STARLING_BIN is the directory of the programs.
class SystemSwarm : public testing::Test {
protected:
    static std::string bin(const std::string& program) {
        return std::string(STARLING_BIN) + "/" + program;
    }

    SystemSwarm() {
        ca = *make_ca("test CA", {});
        store_ca("ca", ca);
        issue("sn1", Role::sn, ca);
        issue("sl1", Role::sl, ca);
        issue("sl2", Role::sl, ca);
        issue("sl3", Role::sl, ca);
    }

    std::string path(const std::string& name) const { return (folder.path() / name).string(); }

    void store_ca(const std::string& directory, const IssuedCert& authority) const {
        ASSERT_TRUE(make_directory(path(directory)));
        ASSERT_TRUE(
            write_file(path(directory + "/ca.pem"), authority.cert_pem, FileMode::readable));
    }
    /// Addresses of the hosts, on loopback or in a Network.
    static std::vector<std::string> addresses_of_hosts() {
        return {"127.0.0.1",  "127.0.1.1",  "127.0.2.2",  "127.0.3.3", "127.0.4.4",
                "172.30.0.1", "172.30.0.2", "172.30.0.3", "172.30.0.4"};
    }
    /// Certificate and key of `name`, in files name.pem and name.key.
    void issue(const std::string& name, Role role, const IssuedCert& authority,
               Validity validity = {}, std::string file = "") const {
        file = file.empty() ? name : file;
        const auto leaf =
            issue_leaf(authority, {{name}, {role}, {}, addresses_of_hosts(), validity});
        ASSERT_TRUE(leaf) << leaf.error().message;
        ASSERT_TRUE(write_file(path(file + ".pem"), leaf->cert_pem, FileMode::readable));
        ASSERT_TRUE(write_file(path(file + ".key"), leaf->key_pem, FileMode::secret));
    }
    std::vector<std::string> identity(const std::string& file,
                                      const std::string& capath = "ca") const {
        return {"--cert=" + path(file + ".pem"), "--key=" + path(file + ".key"),
                "--capath=" + path(capath)};
    }

    std::vector<std::string> sn_command(const std::vector<std::string>& id) const {
        std::vector<std::string> command = {bin("run-sn"), "--host-ip=127.0.1.1", "--sentinel",
                                            "--sn-api-port=" + std::to_string(sn_port),
                                            "--workspace=" + path("host-1")};
        command.insert(command.end(), id.begin(), id.end());
        return command;
    }
    std::vector<std::string> sl_command(int host, const std::vector<std::string>& id,
                                        const std::string& ml_cmd, int min_peers = 2) const {
        const std::string n = std::to_string(host);
        std::vector<std::string> command = {bin("run-sl"),
                                            "--host-ip=127.0." + n + "." + n,
                                            "--sn-ip=127.0.1.1",
                                            "--sn-api-port=" + std::to_string(sn_port),
                                            "--sl-fs-port=" + std::to_string(fs_port),
                                            "--workspace=" + path("host-" + n),
                                            "--ml-name=ml" + n,
                                            "--ml-w=" + folder.path().string(),
                                            "--ml-entrypoint=" + bin("toy-ml"),
                                            "--ml-e=MIN_PEERS=" + std::to_string(min_peers)};
        if (!ml_cmd.empty()) {
            command.push_back("--ml-cmd=" + ml_cmd);
        }
        command.insert(command.end(), id.begin(), id.end());
        return command;
    }

    /// Starts an SN and waits until it is ready.
    std::unique_ptr<Program> start_sn() const {
        auto sn = std::make_unique<Program>(sn_command(identity("sn1")));
        EXPECT_TRUE(sn->wait_for("swarm.blCnt : INFO : Starting SWARM-API-SERVER on port: " +
                                 std::to_string(sn_port)))
            << sn->output();
        return sn;
    }
    std::unique_ptr<Program> start_sl(int host, const std::string& ml_cmd,
                                      int min_peers = 2) const {
        return std::make_unique<Program>(
            sl_command(host, identity("sl" + std::to_string(host)), ml_cmd, min_peers));
    }
    std::string ml_log(int host) const {
        const std::string n = std::to_string(host);
        return read_text(path("host-" + n + "/log/ml" + n + ".log"));
    }

    /// Runs the checker of swarm-wide invariants on the traces of all nodes.
    void expect_no_violation() const {
        std::vector<std::string> command = {bin("swarm-check")};
        if (!std::filesystem::exists(command.front())) {
            std::printf("[ not done ] swarm-check is not built: STARLING_BENCH is off\n");
            return;
        }
        for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
            if (file.path().extension() == ".trace") {
                command.push_back(file.path().string());
            }
        }
        Program check(command);
        EXPECT_EQ(check.wait_exit(), 0) << check.output();
        EXPECT_TRUE(holds(check.output(), " 0 violations")) << check.output();
        EXPECT_FALSE(holds(check.output(), " 0 rounds")) << check.output();
    }

    TemporaryDirectory folder;
    IssuedCert ca;
    std::uint16_t sn_port = free_port("127.0.1.1");
    std::uint16_t fs_port = free_port("127.0.2.2");
};

/// For tests that start nodes in the background: stops those of both hosts at the end.
class BackgroundSwarm : public SystemSwarm {
protected:
    ~BackgroundSwarm() override {
        for (const char* host : {"host-1", "host-2"}) {
            Program stop({bin("stop-swarm"), "--workspace=" + path(host)});
            stop.wait_exit();
        }
    }
};

}  // namespace starling::test
