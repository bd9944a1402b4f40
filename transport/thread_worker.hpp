#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "transport/node_runner.hpp"

namespace starling {

/// Executes work (except TrainWork) in threads of its own and posts the results to the node's
/// endpoint: one thread computes, and another one stores if there are stores, each in the order of
/// start(). Short work (is_short()) is done by start() itself.
class ThreadWorker final : public WorkExecutor {
public:
    /// All must outlive the worker.
    ThreadWorker(PolledEndpoint& endpoint, const Hasher& hasher, WorkStores stores = {});
    ThreadWorker(const ThreadWorker&) = delete;
    ThreadWorker& operator=(const ThreadWorker&) = delete;
    ~ThreadWorker() override;

    void start(std::uint64_t work, Work what) override;

private:
    class Lane;

    void run(std::uint64_t work, const Work& what);

    PolledEndpoint& endpoint_;
    const Hasher& hasher_;
    WorkStores stores_;
    std::unique_ptr<Lane> computing_;
    std::unique_ptr<Lane> storing_;  ///< nullptr: there is no store
};

}  // namespace starling
