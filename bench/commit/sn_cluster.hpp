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

/// A run-sn process, its output read through a pipe. Killed at the end, if it still runs.
class SnProcess {
public:
    explicit SnProcess(const std::vector<std::string>& command);
    SnProcess(const SnProcess&) = delete;
    SnProcess& operator=(const SnProcess&) = delete;
    ~SnProcess();

    /// Until it has said so. Errc::timeout, with what it said instead.
    Result<void> wait_for(const std::string& text, std::chrono::seconds limit);
    /// What it has said by now.
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
    std::thread reader_;  ///< a full pipe would hold up the SN
};

/// So many SNs on loopback addresses with certificates of their own, each with a workspace.
class SnCluster {
public:
    /// \param directory  an empty one, on the disk to be measured. \param programs  where run-sn
    /// is.
    static Result<std::unique_ptr<SnCluster>> make(const std::filesystem::path& directory,
                                                   const std::filesystem::path& programs,
                                                   int count);

    /// All at once. \return  until each was ready.
    Result<std::chrono::duration<double>> start();
    void stop();
    /// As a power cut of all.
    void kill();
    /// The index of the SN that leads, as they said last.
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
