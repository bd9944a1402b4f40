#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "core/ml/swarm.hpp"
#include "core/node/work.hpp"

namespace starling {

/// The user's program in a thread of its own, taking turns with its ML node: resume() lets it run
/// until it asks for something. On a host `on_request` carries the request to the driver; the
/// simulator asks for it with wait() at the simulated time at which it is due.
class TrainingThread {
public:
    struct Hooks {
        std::function<void()> on_request;  ///< a request is there; called in the program's thread
        std::function<void(const TraceEvent&)>
            on_trace;  ///< log lines and events; called in the program's thread
        std::function<void()> on_batch = {};  ///< a batch is done; called in the program's thread
    };

    TrainingThread(TrainFunction train, ProgramOptions options, Hooks hooks);
    TrainingThread(const TrainingThread&) = delete;
    TrainingThread& operator=(const TrainingThread&) = delete;
    /// Ends the program at its next sync point, batch or request, and joins the thread.
    ~TrainingThread();

    /// \pre  the program has not begun, or waits with a request that was taken.
    void resume(TrainReply reply);

    /// How far the program has come since resume().
    struct Progress {
        std::uint64_t batches = 0;  ///< done since resume()
        bool waiting = false;       ///< its request is there
    };
    /// Blocks until the program waits with a request or has done more than `beyond_batches`
    /// batches.
    Progress wait(std::uint64_t beyond_batches);
    /// The request, once. \pre wait() said `waiting`, or on_request was called.
    TrainRequest take_request();

    /// What a batch of this program costs, as it named it; empty before its first OpenRequest.
    std::string workload() const;

    // Called by SwarmSession and SwarmCallback, in the program's thread.
    TrainReply ask(TrainRequest request);
    void count_batch();
    void trace(const TraceEvent& event);
    void set_workload(std::string workload);

private:
    void run(const TrainFunction& train);

    SwarmSession session_;
    Hooks hooks_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<TrainRequest> request_;
    std::optional<TrainReply> reply_;
    std::uint64_t batches_ = 0;
    bool waiting_ = false;
    bool ending_ = false;
    std::string workload_;
    std::thread thread_;
};

}  // namespace starling
