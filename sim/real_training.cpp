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
    RealProgram(SimHost host, TrainFunction train, ProgramOptions options,
                const Calibration& calibration, OnTrainRequest on_request,
                std::function<void(const TraceEvent&)> on_trace)
        : host_(std::move(host)),
          calibration_(calibration),
          on_request_(std::move(on_request)),
          on_trace_(std::move(on_trace)),
          thread_(std::move(train), std::move(options), {nullptr, [this](const TraceEvent& event) {
                                                             const std::lock_guard lock(mutex_);
                                                             events_.push_back(event);
                                                         }}) {}

    void resume(TrainReply reply) override {
        thread_.resume(std::move(reply));
        // Through the event queue, so that all programs resumed at this instant run in parallel.
        poll_after(0.0, 0);
    }

private:
    void poll_after(double seconds, std::uint64_t batches) {
        task_ = host_.compute(seconds, [this, batches] { poll(batches); });
    }

    void poll(std::uint64_t batches) {
        const TrainingThread::Progress progress = thread_.wait(batches);
        if (progress.waiting && progress.batches == batches) {
            deliver(thread_.take_request());
            return;
        }
        poll_after(cost_.seconds_per_batch, batches + 1);
    }

    void deliver(TrainRequest request) {
        report_events();
        double seconds = 0.0;
        if (std::holds_alternative<OpenRequest>(request)) {
            const Result<WorkloadCost> cost = calibration_.workload(thread_.workload());
            if (!cost) {
                // The program ends as if the swarm had refused its contract.
                failure_ = cost.error();
                thread_.resume(FailedReply{cost.error()});
                poll_after(0.0, 0);
                return;
            }
            cost_ = *cost;
            seconds = cost_.startup_seconds;
        } else if (auto* end = std::get_if<ExitRequest>(&request); end != nullptr && failure_) {
            *end = ExitRequest{failure_->code, failure_->message};
        }
        task_ =
            host_.compute(seconds, [this, request = std::move(request)] { on_request_(request); });
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

    SimHost host_;
    const Calibration& calibration_;
    OnTrainRequest on_request_;
    std::function<void(const TraceEvent&)> on_trace_;
    WorkloadCost cost_;
    std::optional<Error> failure_;  ///< the table has no entry: reason of the program's exit
    CpuTask task_;                  ///< what it computes now
    std::mutex mutex_;
    std::vector<TraceEvent> events_;  ///< not reported yet; guarded by mutex_
    TrainingThread thread_;           // last: its thread uses the others
};

}  // namespace

std::unique_ptr<SimProgram> make_real_program(SimHost host, TrainFunction train,
                                              ProgramOptions options,
                                              const Calibration& calibration,
                                              OnTrainRequest on_request,
                                              std::function<void(const TraceEvent&)> on_trace) {
    return std::make_unique<RealProgram>(std::move(host), std::move(train), std::move(options),
                                         calibration, std::move(on_request), std::move(on_trace));
}

}  // namespace starling
