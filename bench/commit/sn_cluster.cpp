#include "bench/commit/sn_cluster.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/certs/cert_files.hpp"
#include "deploy/certs/cert_issuer.hpp"

namespace starling::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds ready_limit(60);

/// A port that is free now; 0: there is none.
std::uint16_t free_port(const std::string& ip) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
    socklen_t size = sizeof address;
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(socket);
    return bound ? ntohs(address.sin_port) : std::uint16_t{0};
}

Result<IdentityFiles> issue(const std::filesystem::path& directory, const IssuedCert& ca,
                            const std::string& name, Role role, const std::string& ip) {
    LeafRequest request;
    request.name.name = name;
    request.roles = {role};
    request.ips = {ip};
    const Result<IssuedCert> leaf = issue_leaf(ca, request);
    if (!leaf) {
        return leaf.error();
    }
    IdentityFiles files;
    files.cert = (directory / (name + ".pem")).string();
    files.key = (directory / (name + ".key")).string();
    files.ca_path = (directory / "ca").string();
    for (const auto& [file, text, mode] :
         {std::tuple(files.cert, leaf->cert_pem, FileMode::readable),
          std::tuple(files.key, leaf->key_pem, FileMode::secret)}) {
        if (const auto ok = write_file(file, text, mode); !ok) {
            return ok.error();
        }
    }
    return files;
}

}  // namespace

SnProcess::SnProcess(const std::vector<std::string>& command) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return;
    }
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    if (::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
        pid_ = -1;
        output_ = "can't start " + command.front();
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    pipe_ = ends[0];
    reader_ = std::thread([this] { read_all(); });
}

SnProcess::~SnProcess() {
    kill();
    if (reader_.joinable()) {
        reader_.join();
    }
    ::close(pipe_);
}

void SnProcess::read_all() {
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t size = ::read(pipe_, buffer.data(), buffer.size());
        const std::lock_guard lock(mutex_);
        output_.append(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
        ended_ = size <= 0;
        changed_.notify_all();
        if (ended_) {
            return;
        }
    }
}

Result<void> SnProcess::wait_for(const std::string& text, std::chrono::seconds limit) {
    std::unique_lock lock(mutex_);
    const auto found = [&] { return output_.find(text) != std::string::npos; };
    changed_.wait_for(lock, limit, [&] { return found() || ended_; });
    return found() ? Result<void>{}
                   : Error{Errc::timeout, "an SN did not print '" + text + "', but:\n" + output_};
}

std::string SnProcess::output() {
    const std::lock_guard lock(mutex_);
    return output_;
}

void SnProcess::stop() { end(SIGTERM); }
void SnProcess::kill() { end(SIGKILL); }

void SnProcess::end(int signal) {
    if (pid_ > 0) {
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
}

Result<std::unique_ptr<SnCluster>> SnCluster::make(const std::filesystem::path& directory,
                                                   const std::filesystem::path& programs,
                                                   int count) {
    std::unique_ptr<SnCluster> cluster(new SnCluster);
    const Result<IssuedCert> ca = make_ca("bench CA", {});
    if (!ca) {
        return ca.error();
    }
    const std::string ca_path = (directory / "ca").string();
    Result<void> made = make_directory(ca_path);
    if (made) {
        made = write_file(ca_path + "/ca.pem", ca->cert_pem, FileMode::readable);
    }
    if (!made) {
        return made.error();
    }
    for (int n = 1; n <= count; ++n) {
        const std::string number = std::to_string(n);
        const std::string name = "sn" + number;
        const std::string ip = "127.0." + number + "." + number;
        const Result<IdentityFiles> files = issue(directory, *ca, name, Role::sn, ip);
        if (!files) {
            return files.error();
        }
        cluster->addresses_.push_back({ip, free_port(ip)});
        std::vector<std::string> command = {
            (programs / "run-sn").string(),
            "--host-ip=" + ip,
            "--sn-api-port=" + std::to_string(cluster->addresses_.back().port),
            "--workspace=" + (directory / name).string(),
            "--cert=" + files->cert,
            "--key=" + files->key,
            "--capath=" + files->ca_path};
        command.push_back(n == 1 ? "--sentinel"
                                 : "--sentinel-ip=" + to_string(cluster->addresses_.front()));
        cluster->commands_.push_back(std::move(command));
    }
    const Result<IdentityFiles> client = issue(directory, *ca, client_name, Role::sl, "127.0.0.1");
    if (!client) {
        return client.error();
    }
    cluster->client_ = *client;
    return cluster;
}

Result<std::chrono::duration<double>> SnCluster::start() {
    const auto begin = Clock::now();
    running_.clear();
    for (const std::vector<std::string>& command : commands_) {
        running_.push_back(std::make_unique<SnProcess>(command));
    }
    for (const std::unique_ptr<SnProcess>& sn : running_) {
        if (const auto ok = sn->wait_for("Starting SWARM-API-SERVER on port", ready_limit); !ok) {
            return ok.error();
        }
    }
    return std::chrono::duration<double>(Clock::now() - begin);
}

void SnCluster::stop() {
    for (const std::unique_ptr<SnProcess>& sn : running_) {
        sn->stop();
    }
}

void SnCluster::kill() {
    for (const std::unique_ptr<SnProcess>& sn : running_) {
        sn->kill();
    }
}

std::size_t SnCluster::leader() {
    const std::string words = "This SN leads the ledger, term ";
    std::size_t leads = 0;
    int newest = 0;
    for (std::size_t i = 0; i < running_.size(); ++i) {
        const std::string output = running_[i]->output();
        const std::size_t at = output.rfind(words);
        const int term =
            at == std::string::npos ? 0 : std::atoi(output.c_str() + at + words.size());
        if (term > newest) {
            newest = term;
            leads = i;
        }
    }
    return leads;
}

}  // namespace starling::bench
