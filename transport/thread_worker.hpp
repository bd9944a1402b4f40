#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "transport/node_runner.hpp"

namespace starling {

/// Executes work (except TrainWork) in one thread of its own, in the order of start(), and posts
/// the results to the node's endpoint.
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
    std::deque<std::pair<std::uint64_t, Work>> queue_;  ///< guarded by mutex_
    bool ending_ = false;                               ///< guarded by mutex_
    std::thread thread_;
};

}  // namespace starling
