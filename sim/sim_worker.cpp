// Work is executed when it is started, and its result is delivered after its simulated time: a node
// can't tell the difference, and results need no second copy of the inputs.
#include "sim/sim_worker.hpp"

namespace starling {
SimWorker::SimWorker(SimEngine& engine, const Calibration& calibration, double speed,
                     const Hasher& hasher, WorkStores stores, std::function<void(WorkDone)> deliver)
    : engine_(engine),
      calibration_(calibration),
      speed_(speed),
      hasher_(hasher),
      stores_(stores),
      deliver_(std::move(deliver)) {}

SimWorker::~SimWorker() { *alive_ = false; }

void SimWorker::start(std::uint64_t work, Work what) {
    if (auto* train = std::get_if<TrainWork>(&what)) {
        STARLING_INVARIANT(program_ != nullptr && !training_,
                           "an ML node has a program and gives it one work at a time");
        training_ = work;
        program_->resume(std::move(train->reply));
        return;
    }
    queue_.emplace_back(work, std::move(what));
    if (queue_.size() == 1) {
        next();
    }
}

void SimWorker::request_made(TrainRequest request) {
    STARLING_INVARIANT(training_.has_value(), "a program asks only after it was resumed");
    const std::uint64_t work = *training_;
    training_.reset();
    deliver_({work, std::move(request)});
}

void SimWorker::next() {
    const auto& [number, what] = queue_.front();
    double seconds = 0.0;
    double bytes_per_second = calibration_.hash_bytes_per_second;
    if (std::holds_alternative<MergeWork>(what)) {
        bytes_per_second = calibration_.merge_bytes_per_second;
    } else if (!std::holds_alternative<HashWork>(what)) {
        bytes_per_second = calibration_.disk_bytes_per_second;
        seconds = calibration_.fsync_seconds;
    }
    seconds += static_cast<double>(work_bytes(what)) / bytes_per_second;
    WorkResult result = run_work(what, hasher_, stores_);
    engine_.at(engine_.now() + from_seconds(seconds / speed_),
               [this, alive = alive_, work = number, result = std::move(result)]() mutable {
                   if (!*alive) {
                       return;
                   }
                   queue_.pop_front();
                   if (!queue_.empty()) {
                       next();
                   }
                   deliver_({work, std::move(result)});
               });
}

}  // namespace starling
