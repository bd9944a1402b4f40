#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/ledger/contract.hpp"
#include "core/ml/sync_counter.hpp"
#include "core/ml/sync_until.hpp"
#include "core/node/work.hpp"
#include "core/params/param_layout.hpp"
#include "core/trace/trace_event.hpp"

namespace starling {

class TrainingThread;

/// What the program was started with: on a host from its command line and environment, in a
/// simulation from the deployment file. The same words in both worlds.
struct ProgramOptions {
    NodeId name;                         ///< of this ML node
    std::vector<std::string> arguments;  ///< without the program's name
    /// MODEL_DIR, MAX_EPOCHS, MIN_PEERS, DATA_DIR, ...
    std::map<std::string, std::string> environment;
    std::filesystem::path working_directory;  ///< relative paths start here

    /// The value of an environment variable, or `fallback` if it is not set or empty.
    std::string variable(const std::string& key, const std::string& fallback = "") const;
};

/// The swarm ended before the training did, or refused it. Thrown out of SwarmCallback so that the
/// training loop ends; a program need not catch it.
class SwarmError : public std::runtime_error {
public:
    explicit SwarmError(Error error)
        : std::runtime_error(error.message), error_(std::move(error)) {}
    const Error& error() const { return error_; }

private:
    Error error_;
};

/// One run of a training program: its arguments, its place in the swarm and its log.
class SwarmSession {
public:
    SwarmSession(ProgramOptions options, TrainingThread& thread)
        : options_(std::move(options)), thread_(thread) {}

    const NodeId& node() const { return options_.name; }
    const std::vector<std::string>& arguments() const { return options_.arguments; }
    std::string environment(const std::string& name, const std::string& fallback = "") const {
        return options_.variable(name, fallback);
    }
    /// The same as a number; SwarmError (usage) names the variable if it is none or out of [low,
    /// high].
    std::uint64_t environment_number(const std::string& name, std::uint64_t fallback,
                                     std::uint64_t low, std::uint64_t high) const;
    /// `path`, relative to the program's working directory.
    std::filesystem::path resolve(const std::filesystem::path& path) const;

    std::uint32_t min_peers() const;          ///< MIN_PEERS, default 2
    std::filesystem::path model_dir() const;  ///< MODEL_DIR, default "model"

    /// Writes a log line of component "ml" (or the one given) and a trace event `ml_log`.
    void log(Level level, std::string text, std::string_view component = "ml") const;
    /// Writes a trace event, for figures that tools should find: {"accuracy_ppm", "712300"}.
    void trace(const TraceEvent& event) const;

private:
    friend class SwarmCallback;  // asks the ML node through the thread

    ProgramOptions options_;
    TrainingThread& thread_;
};

/// Access to the parameters of a model. How they are stored is up to the implementation (core/torch
/// has one for torch modules).
class ModelParameters {
public:
    virtual ~ModelParameters() = default;
    virtual const ParamLayout& layout() const = 0;
    /// Copies all tensors into `out`, layout().size_bytes() bytes.
    virtual void save(std::span<std::byte> out) const = 0;
    /// The vector as its segments. By default save() into one block, which is kept until the last
    /// of them is sent: then the program needs memory for another model while the merged one comes.
    /// Overridden with SegmentWriter (core/params/segments.hpp) it does not.
    virtual Segments save_segments() const;
    /// Copies the vector, layout().size_bytes() bytes, into the tensors. It comes as its segments,
    /// as the swarm sent them: a model is large, so nobody puts it together once more. copy_bytes()
    /// (core/params/segments.hpp) takes a tensor's bytes out of them.
    virtual void load(std::span<const Blob> segments) = 0;
};

/// What a program needs beside its parameters to resume: its optimiser, schedules, random
/// generators. The callback keeps the position of its loops.
class ProgramState {
public:
    virtual ~ProgramState() = default;
    /// At most program_state_bytes_max.
    virtual Bytes save() const = 0;
    /// `in` was saved by an earlier start of this program, perhaps with other flags. All or
    /// nothing: on an error, which tells why, the program is unchanged and starts from the
    /// beginning.
    virtual Result<void> load(ByteView in) = 0;
};

struct SwarmCallbackOptions {
    /// Batches between rounds, >= 1; the count restarts after each round.
    std::uint32_t sync_frequency = 128;
    std::uint32_t min_peers = 2;         ///< >= 1; quorum of every round
    std::uint32_t node_weightage = 1;    ///< 1 to 100; factor of this node in the merge
    EndMode end_mode = EndMode::active;  ///< HPE's checkinModelOnTrainEnd
    std::string contract = "default";    ///< HPE's trainingContract
    std::uint32_t total_epochs = 0;      ///< for progress only
    std::uint32_t batch_size = 32;       ///< samples in a batch, for the sample count of a check-in
    /// Wait for further members once min_peers are there.
    SwarmDuration grace = std::chrono::seconds(30);
    SwarmDuration wait_limit{0};  ///< end if min_peers are not there by then; 0 = wait for ever
    /// Bytes a second, the same for all members: rounds wait for links as slow as that (32 kbit/s).
    /// A faster one bounds what a member that stalls on purpose can cost: see attempt_limit().
    std::uint64_t slowest_link = 4000;
    /// How the members' parameters become one model: mean, coordinate-median, trimmed-mean,
    /// geometric-median, krum, centred-clipping or a rule of the program's own, and parameters
    /// where they shall not be the usual ones: "trimmed-mean:beta=0.2"
    /// (core/merge/merge_rules.cpp). The same for all members.
    std::string merge_rule = "mean";
    /// By which plan the members exchange segments; the same for all members, and the merged model
    /// is the same for all plans.
    ExchangePlan exchange = ExchangePlan::automatic;
    /// How parameters travel between members: none, f16, bf16, int8 or "top-k:fraction=0.01"
    /// (core/merge/compression.hpp). Fewer bytes, less precision. The same for all members.
    std::string compression = "none";
    /// What becomes of parameters with NaN or infinity in them; the same for all members.
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    /// Who has a merged model on disk before its round is over: all members (then it outlives any
    /// crash), more than half of them, or none; the same for all members. The others store it while
    /// the training goes on.
    Durability durable = Durability::all;
    /// Whether a sync waits for the commit of its round, or for the merge only. A choice of this
    /// member alone. The first and the last sync wait for the commit in any case. With `merge`,
    /// rounds(), digest() and the parameters may be of a round that is never committed, and `state`
    /// should have all that training changes: it is set back with the parameters then.
    SyncUntil sync_until = SyncUntil::commit;
    /// Names what a batch costs in a calibration table, e.g. "cifar10/tiny/32".
    std::string workload = "default";
    /// Kept at each sync, so that a program that is killed goes on from there when it is started
    /// again; nullptr: it begins anew, with the swarm's parameters. Must outlive the callback.
    ProgramState* state = nullptr;
};

/// Joins the training loop to the swarm; the four hooks that HPE's users know. All may throw
/// SwarmError.
class SwarmCallback {
public:
    /// Opens the session and waits until the SN has accepted layout and options. `parameters` must
    /// outlive the callback.
    SwarmCallback(SwarmSession& session, ModelParameters& parameters, SwarmCallbackOptions options);
    SwarmCallback(const SwarmCallback&) = delete;
    SwarmCallback& operator=(const SwarmCallback&) = delete;
    ~SwarmCallback();

    /// Round 0: returns with the parameters that all members start from, or, where the swarm has
    /// gone on already, with its newest ones and with what an earlier start kept of the state.
    void on_train_begin();
    /// After on_train_begin(): what an earlier start of this program has done, so where the loops
    /// begin. All 0 at a first start.
    const TrainingPosition& resumed() const { return resumed_; }
    /// Counts a batch; every sync_frequency batches one round.
    void on_batch_end(double loss);
    void on_epoch_end();
    /// A value that the program has measured, "val/accuracy" for instance. It travels with the next
    /// check-in to the ledger, traces, metrics and `swci`; the last value of a name before it
    /// counts. After the final model it is written to the trace only. Names: is_scalar_name(), at
    /// most scalars_max between two rounds; else SwarmError (usage).
    void report(std::string_view name, double value);
    /// Hands in the last parameters and stays until all members have finished. Returns with the
    /// final swarm model loaded.
    void on_train_end();

    /// The swarm has agreed on its final model, which is loaded: what is trained from here on is
    /// not used, and the hooks do nothing. Before on_train_end() this happens to a member that was
    /// away when the others finished.
    bool ended() const { return ended_; }
    std::uint64_t rounds() const { return rounds_; }  ///< of the swarm, up to the last sync
    const Digest& digest() const { return digest_; }  ///< of the parameters of the last round

private:
    void sync(bool finished);
    SyncRequest sync_request(bool finished);
    void take(const SyncedReply& synced, std::uint64_t batches);
    void give_up_training_since_the_last_sync(const SyncedReply& synced, std::uint64_t batches);
    ProgramSnapshot snapshot() const;
    void resume(const ProgramSnapshot& kept, Round round);

    SwarmSession& session_;
    ModelParameters& parameters_;
    SwarmCallbackOptions options_;
    SyncCounter counter_;
    double loss_sum_ = 0.0;  ///< of the batches since the last sync
    Scalars scalars_;        ///< reported since the last sync
    TrainingPosition resumed_;
    std::uint64_t rounds_ = 0;
    bool ended_ = false;
    Digest digest_;
};

/// The user's training program.
using TrainFunction = std::function<void(SwarmSession&)>;

/// Runs `train` as an ML node of a swarm. A program is built twice with the same main(): once as
/// the ML executable, whose ml_main joins an SL on this host, and once as a simulator, whose
/// ml_main reads a platform and a deployment and runs `train` in each of their ML nodes (CMake:
/// add_swarm_program). \param help  the program's flags, for --help. \return  the exit code.
int ml_main(int argc, char** argv, TrainFunction train, std::string_view help = {});

}  // namespace starling
