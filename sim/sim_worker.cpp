// Computations are executed when they are started, and their results delivered after their
// simulated time: a node can't tell the difference, and results need no second copy of the inputs.
// What is stored is stored at the end of its time, so that a node that fails before has stored
// nothing.
#include "sim/sim_worker.hpp"

#include "sim/sim_node.hpp"

namespace starling {

SimWorker::SimWorker(SimNode& node, SimHost host, MemoryStore* store)
    : node_(node), host_(std::move(host)), store_(store) {}

const NodeId& SimWorker::node_id() const { return node_.id(); }

void SimWorker::start(std::uint64_t work, Work what) {
    if (auto* train = std::get_if<TrainWork>(&what)) {
        STARLING_INVARIANT(program_ != nullptr && !training_,
                           "an ML node has a program and gives it one work at a time");
        training_ = work;
        program_->resume(std::move(train->reply));
        return;
    }
    std::unique_ptr<Queue>& queue = is_storage(what) ? storing_ : computing_;
    if (queue) {
        queue->works.emplace_back(work, std::move(what));
        return;
    }
    queue = std::make_unique<Queue>();
    queue->works.emplace_back(work, std::move(what));
    next(queue);
}

void SimWorker::request_made(TrainRequest request) {
    STARLING_INVARIANT(training_.has_value(), "a program asks only after it was resumed");
    const std::uint64_t work = *training_;
    training_.reset();
    node_.handle(WorkDone{work, std::move(request)});
}

WorkResult SimWorker::run(const Work& what) const {
    return run_work(what, node_.world().hasher, {store_, store_});
}

double SimWorker::compute_seconds(const Work& what) const {
    const Calibration& table = node_.world().calibration;
    const auto bytes = static_cast<double>(work_bytes(what));
    if (const auto* merge = std::get_if<MergeWork>(&what)) {
        const auto merged = static_cast<double>(merge->contributions.front().size());
        return bytes / table.merge_bytes_per_second + merged / table.hash_bytes_per_second;
    }
    if (std::holds_alternative<HashWork>(what)) {
        return bytes / table.hash_bytes_per_second;
    }
    return bytes / table.write_bytes_per_second;
}

double SimWorker::disk_seconds(const Work& what) const {
    const Calibration& table = node_.world().calibration;
    const bool durable = !std::holds_alternative<WriteWork>(what);
    return static_cast<double>(work_bytes(what)) / table.disk_bytes_per_second +
           (durable ? table.fsync_seconds : 0.0);
}

void SimWorker::next(std::unique_ptr<Queue>& queue) {
    const auto& [number, what] = queue->works.front();
    const auto finish = [this, &queue, work = number](WorkResult result) {
        queue->works.pop_front();
        if (queue->works.empty()) {
            queue.reset();
        } else {
            next(queue);
        }
        node_.handle(WorkDone{work, std::move(result)});
    };
    if (!is_storage(what)) {
        queue->task = host_.compute(compute_seconds(what),
                                    [finish, result = std::make_shared<WorkResult>(run(what))] {
                                        finish(std::move(*result));
                                    });
        return;
    }
    queue->task = host_.compute(compute_seconds(what), [this, &queue, finish] {
        const double seconds = disk_seconds(queue->works.front().second);
        queue->task = host_.store(
            seconds, [this, &queue, finish] { finish(run(queue->works.front().second)); });
    });
}

}  // namespace starling
