#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ml/sync_until.hpp"
#include "core/ml/training_thread.hpp"
#include "core/node/work.hpp"
#include "sim/calibration.hpp"
#include "sim/sim_engine.hpp"
#include "sim/sim_machines.hpp"

namespace starling {

/// The training program of one simulated ML node: gets a reply, and makes its next request at the
/// simulated time at which it would on a host.
class SimProgram {
public:
    virtual ~SimProgram() = default;
    virtual void resume(TrainReply reply) = 0;
};

/// Receives a program's requests. Called from SimEngine::run().
using OnTrainRequest = std::function<void(TrainRequest)>;

/// How long a batch of modelled training takes.
struct BatchTime {
    double seconds = 0.0045;           ///< on the reference machine
    std::string workload;              ///< row of the calibration table, instead of `seconds`
    std::optional<WorkloadCost> cost;  ///< that row
};

/// How fast a program copies its tensors into segments, and back: bytes a second of the reference
/// machine's CPU time.
struct CopyRates {
    double save = Calibration::no_cost;
    double load = Calibration::no_cost;
};

/// Parameters of modelled training, which computes nothing. The defaults are the `tiny` model of
/// the CIFAR-10 example.
struct TrainingModel {
    std::uint64_t parameters = 328'586;                     ///< f32
    std::uint64_t segment_bytes = starling::segment_bytes;  ///< see ParamLayout
    BatchTime batch_time;
    std::uint32_t sync_first = 1;  ///< 0: the first sync is due once it has trained
    double startup_seconds = 0.8;  ///< on the reference machine
    std::uint64_t samples = 25'000;
    std::uint64_t batch_size = 32;
    std::uint64_t epochs = 1;
    std::uint32_t min_peers = 2;
    std::uint32_t sync_frequency = 128;
    std::uint32_t weight = 1;
    std::string contract = "default";
    ExchangePlan exchange = ExchangePlan::automatic;
    CompressionMethod compression;
    MergeMethod merge;
    Durability durable = Durability::all;
    SyncUntil sync_until = SyncUntil::commit;

    /// Of the optimiser's state, kept at each sync; none: as large as the parameters, like that of
    /// an optimiser with one running mean; 0: nothing is kept.
    std::optional<std::uint64_t> state_bytes;
    /// See layout_of(); nullptr: each program makes its own.
    std::shared_ptr<const ParamLayout> layout;
    CopyRates copies;

    /// Batches of one epoch; the last one may be smaller.
    std::uint64_t batches() const { return (samples + batch_size - 1) / batch_size; }
};

/// Reads `model.*` properties of the actor and the program's environment (MAX_EPOCHS, MIN_PEERS,
/// SYNC_FREQUENCY, NODE_WEIGHTAGE, TRAINING_CONTRACT, and EXCHANGE, COMPRESS, MERGE, DURABLE and
/// SYNC_UNTIL with the values of the flags of examples/cifar10). Errc::usage names the property or
/// variable.
Result<TrainingModel> read_training_model(const std::map<std::string, std::string>& properties,
                                          const std::map<std::string, std::string>& environment);

/// Seconds of each batch of the reference machine up to the next sync: drawn from the measured
/// quantiles, or varied by the spread.
double draw_batch_seconds(const SimHost& host, const WorkloadCost& cost);

/// Of one tensor with all parameters.
std::shared_ptr<const ParamLayout> layout_of(const TrainingModel& model);

/// Syncs as SwarmCallback does, with phantom parameters.
/// \param model  equal programs have one in common.
std::unique_ptr<SimProgram> make_modelled_program(SimHost host,
                                                  std::shared_ptr<const TrainingModel> model,
                                                  OnTrainRequest on_request);

/// A user's program that computes for real, beside the simulation.
class RunningProgram {
public:
    virtual ~RunningProgram() = default;
    /// Lets it run until its next request; the first reply starts it.
    virtual void resume(TrainReply reply) = 0;
    /// Blocks until it waits with a request or has done more than `beyond_batches` batches since
    /// resume().
    virtual TrainingThread::Progress wait(std::uint64_t beyond_batches) = 0;
    /// \pre wait() said `waiting`.
    virtual TrainRequest take_request() = 0;
    /// Its log lines and trace events since the last call.
    virtual std::vector<TraceEvent> take_events() = 0;
    /// See TrainingThread::workload().
    virtual std::string workload() const = 0;
};

/// `train` in a thread of this process.
std::unique_ptr<RunningProgram> run_in_thread(TrainFunction train, ProgramOptions options);

/// Charges simulated time for the batches of a program that computes for real. Its requests and
/// their times depend on the program and the table only, not on how fast it computes.
/// \param ml  the node, for its row in the table
/// \param on_trace  called from SimEngine::run(), before the program's next request.
std::unique_ptr<SimProgram> make_real_program(SimHost host, NodeId ml,
                                              std::unique_ptr<RunningProgram> program,
                                              const Calibration& calibration,
                                              OnTrainRequest on_request,
                                              std::function<void(const TraceEvent&)> on_trace);

}  // namespace starling
