#include "transport/thread_worker.hpp"

namespace starling {

ThreadWorker::ThreadWorker(PolledEndpoint& endpoint, const Hasher& hasher, WorkStores stores)
    : endpoint_(endpoint), hasher_(hasher), stores_(stores), thread_([this] { run(); }) {}

ThreadWorker::~ThreadWorker() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void ThreadWorker::start(std::uint64_t work, Work what) {
    STARLING_INVARIANT(!std::holds_alternative<TrainWork>(what),
                       "only an ML node trains, and it has an executor of its own");
    {
        const std::lock_guard lock(mutex_);
        queue_.emplace_back(work, std::move(what));
    }
    changed_.notify_one();
}

void ThreadWorker::run() {
    for (;;) {
        std::pair<std::uint64_t, Work> next;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
            if (ending_) {
                return;
            }
            next = std::move(queue_.front());
            queue_.pop_front();
        }
        endpoint_.post(WorkDone{next.first, run_work(next.second, hasher_, stores_)});
    }
}

}  // namespace starling
