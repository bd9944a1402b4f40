#include "sim/sim_worker.hpp"

namespace starling {
namespace {

std::uint64_t bytes_of(const std::vector<Blob>& blobs) {
    std::uint64_t bytes = 0;
    for (const Blob& blob : blobs) {
        bytes += blob.size();
    }
    return bytes;
}

}  // namespace

SimWorker::SimWorker(SimEngine& engine, const Calibration& calibration, double speed,
                     const Hasher& hasher, std::function<void(WorkDone)> deliver)
    : engine_(engine),
      calibration_(calibration),
      speed_(speed),
      hasher_(hasher),
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
    WorkResult result;
    if (const auto* merge = std::get_if<MergeWork>(&what)) {
        seconds = static_cast<double>(bytes_of(merge->contributions)) /
                  calibration_.merge_bytes_per_second;
        result = run_merge_work(*merge);
    } else {
        const auto& hash = std::get<HashWork>(what);
        seconds = static_cast<double>(bytes_of(hash.segments)) / calibration_.hash_bytes_per_second;
        result = run_hash_work(hash, hasher_);
    }
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
