#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "core/base/ids.hpp"
#include "core/base/result.hpp"
#include "transport/tls/tls_endpoint.hpp"

namespace starling::bench {

/// A run-sn process; its output is read through a pipe. The destructor kills it if it is running.
class SnProcess {
public:
    explicit SnProcess(const std::vector<std::string>& command);
    SnProcess(const SnProcess&) = delete;
    SnProcess& operator=(const SnProcess&) = delete;
    ~SnProcess();

    /// Waits until its output contains `text`. Errc::timeout, with its output.
    Result<void> wait_for(const std::string& text, std::chrono::seconds limit);
    /// Its output so far.
    std::string output();
    /// SIGTERM, and waits for its end.
    void stop();
    /// SIGKILL, and waits for its end.
    void kill();

private:
    void read_all();
    void end(int signal);

    pid_t pid_ = -1;
    int pipe_ = -1;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string output_;
    bool ended_ = false;
    std::thread reader_;  ///< a full pipe would block the SN
};

/// A cluster of SNs on loopback addresses, each with a certificate and a workspace of its own.
class SnCluster {
public:
    /// \param directory  an empty one, on the disk to be measured.
    /// \param programs  directory of run-sn.
    static Result<std::unique_ptr<SnCluster>> make(const std::filesystem::path& directory,
                                                   const std::filesystem::path& programs,
                                                   int count);

    /// Starts all at once. \return  time until all were ready.
    Result<std::chrono::duration<double>> start();
    void stop();
    /// SIGKILL to all.
    void kill();
    /// Index of the SN that leads, by their log lines.
    std::size_t leader();
    std::size_t size() const { return commands_.size(); }
    std::string output(std::size_t index) { return running_[index]->output(); }
    Address address(std::size_t index) const { return addresses_[index]; }
    const IdentityFiles& client() const { return client_; }
    static constexpr const char* client_name = "bench";

private:
    SnCluster() = default;

    std::vector<Address> addresses_;
    std::vector<std::vector<std::string>> commands_;
    std::vector<std::unique_ptr<SnProcess>> running_;
    IdentityFiles client_;
};

}  // namespace starling::bench
