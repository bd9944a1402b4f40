#include "transport/thread_worker.hpp"

namespace starling {

/// A thread and its queue.
class ThreadWorker::Lane {
public:
    /// \param finishes  the destructor waits for queued work, instead of dropping it
    Lane(ThreadWorker& worker, bool finishes)
        : worker_(worker), finishes_(finishes), thread_([this] { run(); }) {}
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane() {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    void add(std::uint64_t work, Work what) {
        {
            const std::lock_guard lock(mutex_);
            queue_.emplace_back(work, std::move(what));
        }
        changed_.notify_one();
    }

    /// Whether all works that were added are done.
    bool is_idle() {
        const std::lock_guard lock(mutex_);
        return queue_.empty() && !busy_;
    }

private:
    void run() {
        for (;;) {
            std::pair<std::uint64_t, Work> next;
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
                if (queue_.empty() || (ending_ && !finishes_)) {
                    return;
                }
                next = std::move(queue_.front());
                queue_.pop_front();
                busy_ = true;
            }
            worker_.run(next.first, next.second);
            const std::lock_guard lock(mutex_);
            busy_ = false;
        }
    }

    ThreadWorker& worker_;
    const bool finishes_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<std::uint64_t, Work>> queue_;  ///< guarded by mutex_
    bool busy_ = false;                                 ///< guarded by mutex_
    bool ending_ = false;                               ///< guarded by mutex_
    std::thread thread_;
};

ThreadWorker::ThreadWorker(PolledEndpoint& endpoint, const Hasher& hasher, WorkStores stores)
    : endpoint_(endpoint),
      hasher_(hasher),
      stores_(stores),
      computing_(std::make_unique<Lane>(*this, false)),
      storing_(stores.models != nullptr || stores.states != nullptr
                   ? std::make_unique<Lane>(*this, true)
                   : nullptr) {}

ThreadWorker::~ThreadWorker() = default;

void ThreadWorker::start(std::uint64_t work, Work what) {
    STARLING_INVARIANT(!std::holds_alternative<TrainWork>(what),
                       "only an ML node trains, and it has an executor of its own");
    Lane& lane = storing_ && is_storage(what) ? *storing_ : *computing_;
    if (is_short(what) && lane.is_idle()) {  // else it would be done before others
        endpoint_.flush();
        run(work, what);
        return;
    }
    lane.add(work, std::move(what));
}

void ThreadWorker::run(std::uint64_t work, const Work& what) {
    endpoint_.post(WorkDone{work, run_work(what, hasher_, stores_)});
}

}  // namespace starling
