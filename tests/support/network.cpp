#include "tests/support/network.hpp"

#include <stdexcept>

#include <unistd.h>

namespace starling::test {
namespace {

/// The command, to be killed when the process that started it ends.
std::vector<std::string> tied(const std::vector<std::string>& command) {
    std::vector<std::string> words = {"/usr/bin/setpriv", "--pdeathsig", "KILL"};
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

std::unique_ptr<Program> keeper() {
    auto program = std::make_unique<Program>(
        tied({"/usr/bin/unshare", "--net", "/bin/sh", "-c", "echo ready; exec sleep infinity"}));
    if (!program->wait_for("ready")) {
        throw std::runtime_error("no network namespace: " + program->output());
    }
    return program;
}

}  // namespace

std::string Network::why_not() {
    if (::geteuid() != 0) {
        return "network namespaces need root";
    }
    Program probe({"/usr/bin/unshare", "--net", "/bin/sh", "-c",
                   "ip link add br0 type bridge && ip link add h0 type veth peer name h1 && "
                   "tc qdisc add dev h0 root tbf rate 1mbit burst 32kb latency 50ms"});
    return probe.wait_exit(Seconds(30)) == 0
               ? ""
               : "no network namespaces with a bridge here: " + probe.output();
}

Network::Network(int hosts) {
    for (int host = 0; host <= hosts; ++host) {
        keepers_[host] = keeper();
    }
    run(0, "ip link add br0 type bridge && ip link set br0 up");
    for (int host = 1; host <= hosts; ++host) {
        const std::string port = "h" + std::to_string(host);
        run(0, "ip link add " + port + " type veth peer name eth0 netns " +
                   std::to_string(keepers_[host]->pid()) + " && ip link set " + port +
                   " master br0 up");
        run(host, "ip link set lo up && ip address add " + address(host) +
                      "/24 dev eth0 && ip link set eth0 up");
    }
}

std::vector<std::string> Network::on(int host, const std::vector<std::string>& command) const {
    std::vector<std::string> words =
        tied({"/usr/bin/nsenter",
              "--net=/proc/" + std::to_string(keepers_.at(host)->pid()) + "/ns/net", "--"});
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

void Network::run(int host, const std::string& command) const {
    Program shell(on(host, {"/bin/sh", "-c", command}));
    if (shell.wait_exit(Seconds(30)) != 0) {
        throw std::runtime_error(command + ": " + shell.output());
    }
}

void Network::cut(int host) const { run(0, "ip link set h" + std::to_string(host) + " nomaster"); }

void Network::heal(int host) const {
    run(0, "ip link set h" + std::to_string(host) + " master br0");
}

void Network::limit_upload(int host, const std::string& rate) const {
    run(host, "tc qdisc replace dev eth0 root tbf rate " + rate + " burst 32kb latency 100ms");
}

std::uint64_t Network::received_bytes(int host) const {
    Program shown(on(host, {"/bin/cat", "/proc/net/dev"}));
    shown.wait_exit(Seconds(30));
    const std::size_t at = shown.output().find("eth0:");
    if (at == std::string::npos) {
        throw std::runtime_error("no eth0: " + shown.output());
    }
    return std::stoull(shown.output().substr(at + 5));
}

}  // namespace starling::test
