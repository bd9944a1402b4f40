#pragma once

#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "sim/sim_machines.hpp"
#include "sim/sim_training.hpp"
#include "transport/node_runner.hpp"

namespace starling {

class MemoryStore;
class SimNode;

/// The worker of one simulated node. Merging and hashing are executed for real; their results are
/// delivered after the time in the calibration table, on cores and a disk that others may use;
/// computing and storing go on beside each other, each one work at a time. TrainWork goes to the
/// program.
class SimWorker final : public WorkExecutor {
public:
    /// \param node  gets WorkDone, from SimEngine::run()
    /// \param store  nullptr: results are not stored
    SimWorker(SimNode& node, SimHost host, MemoryStore* store);
    SimWorker(const SimWorker&) = delete;
    SimWorker& operator=(const SimWorker&) = delete;

    /// For an ML node, before its first work. The program's requests go to request_made().
    void set_program(std::unique_ptr<SimProgram> program) { program_ = std::move(program); }
    void request_made(TrainRequest request);

    void start(std::uint64_t work, Work what) override;
    const NodeId& node_id() const;
    /// Whether the program trains or starts: its next request is awaited.
    bool training() const { return training_.has_value(); }
    bool busy() const {
        return training_.has_value() || computing_ != nullptr || storing_ != nullptr;
    }

private:
    /// What one of the worker's threads has to do; nothing: it is idle.
    struct Queue {
        std::list<std::pair<std::uint64_t, Work>> works;  ///< the first one is under way
        CpuTask task;                                     ///< its part that is under way
    };

    double compute_seconds(const Work& what) const;
    double disk_seconds(const Work& what) const;
    void next(std::unique_ptr<Queue>& queue);

    WorkResult run(const Work& what) const;

    SimNode& node_;
    SimHost host_;
    MemoryStore* store_;
    std::unique_ptr<SimProgram> program_;
    std::optional<std::uint64_t> training_;  ///< number of the TrainWork under way
    std::unique_ptr<Queue> computing_;
    std::unique_ptr<Queue> storing_;
};

}  // namespace starling
