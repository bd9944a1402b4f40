#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "transport/node_runner.hpp"

namespace starling {

/// Merges, hashes and keeps in one thread of its own, in the order asked for, and posts the results
/// to the node's endpoint. Training is not its business.
class ThreadWorker final : public WorkExecutor {
public:
    /// All must outlive the worker.
    ThreadWorker(PolledEndpoint& endpoint, const Hasher& hasher, WorkStores stores = {});
    ThreadWorker(const ThreadWorker&) = delete;
    ThreadWorker& operator=(const ThreadWorker&) = delete;
    ~ThreadWorker() override;

    void start(std::uint64_t work, Work what) override;

private:
    void run();

    PolledEndpoint& endpoint_;
    const Hasher& hasher_;
    WorkStores stores_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<std::uint64_t, Work>> queue_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace starling
