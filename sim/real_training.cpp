// A user's program in a simulation. It computes in a thread of its own, in real time; its requests
// are delivered at the simulated time that the calibration table gives for its batches. Order and
// times of all events thus depend on the program and the table only.
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "sim/sim_training.hpp"

namespace starling {
namespace {

/// Polls the thread batch by batch, at the simulated time at which each batch ends, which makes the
/// order of all events independent of the thread's speed. The thread runs ahead to its next
/// request, in parallel with those of other nodes.
class RealProgram final : public SimProgram {
public:
    RealProgram(SimEngine& engine, TrainFunction train, ProgramOptions options,
                const Calibration& calibration, double speed, OnTrainRequest on_request,
                std::function<void(const TraceEvent&)> on_trace)
        : engine_(engine),
          calibration_(calibration),
          speed_(speed),
          on_request_(std::move(on_request)),
          on_trace_(std::move(on_trace)),
          thread_(std::move(train), std::move(options), {nullptr, [this](const TraceEvent& event) {
                                                             const std::lock_guard lock(mutex_);
                                                             events_.push_back(event);
                                                         }}) {}

    ~RealProgram() override { *alive_ = false; }

    void resume(TrainReply reply) override {
        begin_ = engine_.now();
        thread_.resume(std::move(reply));
        // Through the event queue, so that all programs resumed at this instant run in parallel.
        poll_at(begin_, 0);
    }

private:
    void poll_at(SwarmTime time, std::uint64_t batches) {
        engine_.at(time, [this, alive = alive_, batches] {
            if (*alive) {
                poll(batches);
            }
        });
    }

    void poll(std::uint64_t batches) {
        const TrainingThread::Progress progress = thread_.wait(batches);
        if (progress.waiting && progress.batches == batches) {
            deliver(thread_.take_request());
            return;
        }
        const SwarmDuration cost =
            from_seconds(static_cast<double>(batches + 1) * cost_.seconds_per_batch / speed_);
        poll_at(begin_ + cost, batches + 1);
    }

    void deliver(TrainRequest request) {
        report_events();
        SwarmTime time = engine_.now();
        if (std::holds_alternative<OpenRequest>(request)) {
            const Result<WorkloadCost> cost = calibration_.workload(thread_.workload());
            if (!cost) {
                // The program ends as if the swarm had refused its contract.
                failure_ = cost.error();
                thread_.resume(FailedReply{cost.error()});
                poll_at(time, 0);
                return;
            }
            cost_ = *cost;
            time += from_seconds(cost_.startup_seconds / speed_);
        } else if (auto* end = std::get_if<ExitRequest>(&request); end != nullptr && failure_) {
            *end = ExitRequest{failure_->code, failure_->message};
        }
        engine_.at(time, [this, alive = alive_, request = std::move(request)] {
            if (*alive) {
                on_request_(request);
            }
        });
    }

    // The program waits now, so its events are complete.
    void report_events() {
        std::vector<TraceEvent> events;
        {
            const std::lock_guard lock(mutex_);
            events.swap(events_);
        }
        for (const TraceEvent& event : events) {
            on_trace_(event);
        }
    }

    SimEngine& engine_;
    const Calibration& calibration_;
    double speed_;
    OnTrainRequest on_request_;
    std::function<void(const TraceEvent&)> on_trace_;
    WorkloadCost cost_;
    std::optional<Error> failure_;  ///< the table has no entry: reason of the program's exit
    SwarmTime begin_{};             ///< of the batches since the last reply
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::mutex mutex_;
    std::vector<TraceEvent> events_;  ///< not reported yet; guarded by mutex_
    TrainingThread thread_;           // last: its thread uses the others
};

}  // namespace

std::unique_ptr<SimProgram> make_real_program(SimEngine& engine, TrainFunction train,
                                              ProgramOptions options,
                                              const Calibration& calibration, double speed,
                                              OnTrainRequest on_request,
                                              std::function<void(const TraceEvent&)> on_trace) {
    return std::make_unique<RealProgram>(engine, std::move(train), std::move(options), calibration,
                                         speed, std::move(on_request), std::move(on_trace));
}

}  // namespace starling
