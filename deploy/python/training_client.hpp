#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ml/swarm.hpp"
#include "deploy/python/buffer_parameters.hpp"
#include "deploy/python/node_thread.hpp"

namespace starling {

/// What a sync has brought.
struct SyncOutcome {
    std::uint64_t rounds = 0;  ///< of the swarm, up to this sync
    bool ended = false;        ///< the parameters are those of the final model
    std::string digest;        ///< 64 hexadecimal digits
    TrainingPosition resumed;  ///< where an earlier start of the program stopped
};

/// How Python keeps what the program needs to resume; called by the thread that waits for a step.
struct StateHooks {
    std::function<Bytes()> save;
    /// \return  why the state is not used; empty: it is loaded.
    std::function<std::string(ByteView)> load;
};

/// SwarmCallback for a program that is not C++: its hooks, called by one thread of Python and
/// executed by the program's thread. Batches between rounds are only counted here, which costs
/// nanoseconds; the callback hears of them at the next round, in the same order.
class TrainingClient {
public:
    /// Waits until the step of the node is over, by the interpreter's means: without its lock, and
    /// looking for Ctrl-C. Throws what the step or Python has thrown.
    using Wait = std::function<void(NodeThread&)>;

    TrainingClient(std::vector<std::string> arguments, Wait wait);
    ~TrainingClient();

    /// Opens the session. SwarmError: a second time, or what SwarmCallback throws.
    void open(std::vector<TensorSpec> tensors, SwarmCallbackOptions options,
              std::optional<StateHooks> hooks);
    const std::vector<TensorSpec>& tensors() const;  ///< in Python's order; \pre open()

    /// on_train_begin(). \param blocks  of each tensor; read, then overwritten
    SyncOutcome begin(std::vector<std::byte*> blocks);
    /// on_batch_end() without its round. \return  a round is due: sync() has to follow.
    bool count_batch(double loss);
    /// The round that is due. \param loss  of the batches since the last one, if it is known better
    /// than by count_batch().
    SyncOutcome sync(std::vector<std::byte*> blocks, std::optional<double> loss);
    void end_epoch();
    /// SwarmCallback::report(); travels with the next round.
    void report(const std::string& name, double value);
    /// on_train_end(): stays until all members have finished.
    SyncOutcome end(std::vector<std::byte*> blocks, std::optional<double> loss);

    void log(Level level, std::string text, std::string component);
    /// Leaves the swarm; `failure` says why, if the program has failed. \return  the exit code
    int close(std::optional<std::string> failure);
    NodeThread& node() { return *node_; }
    std::string name() const { return name_; }  ///< of this ML node
    std::uint64_t epochs_done() const { return counter_.position().epochs_done; }

private:
    class AskedState;
    struct Counted {
        std::uint64_t batches = 0;
        double loss_sum = 0.0;
        bool epoch_ends = false;
    };

    void perform(NodeThread::Step step);
    void check_begun(const char* hook) const;
    void report_counted(std::optional<double> loss);
    void hand_on_scalars();
    SyncOutcome synced();

    Wait wait_;
    std::unique_ptr<NodeThread> node_;
    std::string name_;
    std::unique_ptr<BufferParameters> parameters_;
    std::unique_ptr<AskedState> state_;
    std::unique_ptr<SwarmCallback> callback_;
    SyncCounter counter_{1};        ///< the same as the callback's, but up to date
    std::vector<Counted> counted_;  ///< since the last sync; the last one goes on
    Scalars scalars_;               ///< reported since the last sync
    std::optional<Error> failed_;   ///< what a step has thrown: the program leaves with it
    bool begun_ = false;
    bool ended_ = false;
};

}  // namespace starling
