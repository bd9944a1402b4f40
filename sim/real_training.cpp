// A user's program in a simulation. It computes in a thread or process of its own, in real time;
// its requests are delivered at the simulated time that the calibration table gives for its
// batches. Order and times of all events thus depend on the program and the table only.
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "sim/sim_training.hpp"

namespace starling {
namespace {

class ThreadProgram final : public RunningProgram {
public:
    ThreadProgram(TrainFunction train, ProgramOptions options)
        : thread_(std::move(train), std::move(options), {nullptr, [this](const TraceEvent& event) {
                                                             const std::lock_guard lock(mutex_);
                                                             events_.push_back(event);
                                                         }}) {}

    void resume(TrainReply reply) override { thread_.resume(std::move(reply)); }
    TrainingThread::Progress wait(std::uint64_t beyond_batches) override {
        return thread_.wait(beyond_batches);
    }
    TrainRequest take_request() override { return thread_.take_request(); }
    std::vector<TraceEvent> take_events() override {
        const std::lock_guard lock(mutex_);
        return std::exchange(events_, {});
    }
    std::string workload() const override { return thread_.workload(); }

private:
    std::mutex mutex_;
    std::vector<TraceEvent> events_;  ///< guarded by mutex_
    TrainingThread thread_;           // last: its thread uses the others
};

/// Polls the program batch by batch, at the simulated time at which each batch ends, which makes
/// the order of all events independent of the program's speed. The program runs ahead to its next
/// request, in parallel with those of other nodes.
class RealProgram final : public SimProgram {
public:
    RealProgram(SimHost host, NodeId ml, std::unique_ptr<RunningProgram> program,
                const Calibration& calibration, OnTrainRequest on_request,
                std::function<void(const TraceEvent&)> on_trace)
        : host_(std::move(host)),
          ml_(std::move(ml)),
          calibration_(calibration),
          on_request_(std::move(on_request)),
          on_trace_(std::move(on_trace)),
          program_(std::move(program)) {}

    void resume(TrainReply reply) override {
        program_->resume(std::move(reply));
        batch_seconds_ = draw_batch_seconds(host_, cost_);
        // Through the event queue, so that all programs resumed at this instant run in parallel.
        poll_after(0.0, 0);
    }

private:
    void poll_after(double seconds, std::uint64_t batches) {
        task_ = host_.compute(seconds, [this, batches] { poll(batches); });
    }

    void poll(std::uint64_t batches) {
        const TrainingThread::Progress progress = program_->wait(batches);
        if (progress.waiting && progress.batches == batches) {
            deliver(program_->take_request());
            return;
        }
        poll_after(batch_seconds_, batches + 1);
    }

    void deliver(TrainRequest request) {
        for (const TraceEvent& event : program_->take_events()) {
            on_trace_(event);
        }
        double seconds = 0.0;
        if (std::holds_alternative<OpenRequest>(request)) {
            const Result<WorkloadCost> cost = calibration_.workload(program_->workload(), ml_);
            if (!cost) {
                // The program ends as if the swarm had refused its contract.
                failure_ = cost.error();
                program_->resume(FailedReply{cost.error()});
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

    SimHost host_;
    NodeId ml_;
    const Calibration& calibration_;
    OnTrainRequest on_request_;
    std::function<void(const TraceEvent&)> on_trace_;
    WorkloadCost cost_;
    double batch_seconds_ = 0.0;    ///< of each batch until the next sync
    std::optional<Error> failure_;  ///< the table has no entry: reason of the program's exit
    CpuTask task_;                  ///< what it computes now
    std::unique_ptr<RunningProgram> program_;
};

}  // namespace

std::unique_ptr<RunningProgram> run_in_thread(TrainFunction train, ProgramOptions options) {
    return std::make_unique<ThreadProgram>(std::move(train), std::move(options));
}

std::unique_ptr<SimProgram> make_real_program(SimHost host, NodeId ml,
                                              std::unique_ptr<RunningProgram> program,
                                              const Calibration& calibration,
                                              OnTrainRequest on_request,
                                              std::function<void(const TraceEvent&)> on_trace) {
    return std::make_unique<RealProgram>(std::move(host), std::move(ml), std::move(program),
                                         calibration, std::move(on_request), std::move(on_trace));
}

}  // namespace starling
