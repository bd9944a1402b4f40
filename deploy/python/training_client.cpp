#include "deploy/python/training_client.hpp"

#include "core/base/hasher.hpp"

namespace starling {

/// The program's state as Python keeps it. What is exchanged is shared, since the step may end (by
/// the node's end) while Python still works at it.
class TrainingClient::AskedState final : public ProgramState {
public:
    AskedState(NodeThread& node, StateHooks hooks) : node_(node), hooks_(std::move(hooks)) {}

    Bytes save() const override {
        const auto saved = std::make_shared<Bytes>();
        node_.ask([this, saved] { *saved = hooks_.save(); });
        return std::move(*saved);
    }
    Result<void> load(ByteView in) override {
        const auto bytes = std::make_shared<Bytes>(in.begin(), in.end());
        const auto refused = std::make_shared<std::string>();
        node_.ask([this, bytes, refused] { *refused = hooks_.load(*bytes); });
        if (!refused->empty()) {
            return Error{Errc::malformed, *refused};
        }
        return {};
    }

private:
    NodeThread& node_;
    StateHooks hooks_;
};

TrainingClient::TrainingClient(std::vector<std::string> arguments, Wait wait)
    : wait_(std::move(wait)),
      node_(std::make_unique<NodeThread>(std::move(arguments))),
      counted_(1) {
    perform([this](SwarmSession& session) { name_ = session.node().name; });
}

TrainingClient::~TrainingClient() = default;

// A step that is given up (Ctrl-C) may still run when its caller has left: steps own what they use.
void TrainingClient::perform(NodeThread::Step step) {
    node_->start(std::move(step));
    try {
        wait_(*node_);
    } catch (const SwarmError& error) {
        failed_ = error.error();
        throw;
    }
}

void TrainingClient::open(std::vector<TensorSpec> tensors, SwarmCallbackOptions options,
                          std::optional<StateHooks> hooks) {
    if (callback_) {
        throw SwarmError(
            Error{Errc::program, "SwarmCallback: a program can have only one SwarmCallback"});
    }
    parameters_ = std::make_unique<BufferParameters>(std::move(tensors), *node_);
    if (hooks) {
        state_ = std::make_unique<AskedState>(*node_, std::move(*hooks));
        options.state = state_.get();
    }
    counter_ = SyncCounter(options.sync_frequency);
    perform([this, options = std::move(options)](SwarmSession& session) {
        callback_ = std::make_unique<SwarmCallback>(session, *parameters_, options);
    });
}

const std::vector<TensorSpec>& TrainingClient::tensors() const { return parameters_->tensors(); }

void TrainingClient::check_begun(const char* hook) const {
    if (!begun_) {
        throw SwarmError(Error{Errc::program, std::string("SwarmCallback: ") + hook +
                                                  " was called before on_train_begin"});
    }
}

SyncOutcome TrainingClient::begin(std::vector<std::byte*> blocks) {
    if (begun_) {
        throw SwarmError(
            Error{Errc::program, "SwarmCallback: on_train_begin was called a second time"});
    }
    parameters_->set_blocks(std::move(blocks));
    perform([this](SwarmSession&) {
        hand_on_scalars();
        callback_->on_train_begin();
    });
    begun_ = true;
    counter_.resume(callback_->resumed());
    return synced();
}

bool TrainingClient::count_batch(double loss) {
    check_begun("on_batch_end");
    if (ended_) {
        return false;
    }
    ++counted_.back().batches;
    counted_.back().loss_sum += loss;
    node_->note_batch();
    return counter_.count(1);
}

void TrainingClient::end_epoch() {
    check_begun("on_epoch_end");
    counter_.end_epoch();
    counted_.back().epoch_ends = true;
    counted_.emplace_back();
}

void TrainingClient::report(const std::string& name, double value) {
    if (const Result<void> set = set_scalar(scalars_, name, value); !set) {
        throw SwarmError(Error{Errc::usage, "SwarmCallback: " + set.error().message});
    }
    if (ended_) {
        perform([this](SwarmSession&) { hand_on_scalars(); });
    }
}

void TrainingClient::hand_on_scalars() {
    for (const auto& [name, value] : std::exchange(scalars_, {})) {
        callback_->report(name, value);
    }
}

void TrainingClient::report_counted(std::optional<double> loss) {
    hand_on_scalars();
    for (const Counted& part : counted_) {
        for (std::uint64_t batch = 1; batch <= part.batches; ++batch) {
            // The callback adds losses up, so the sum of a part may come with its last batch.
            callback_->on_batch_end(loss ? *loss : batch == part.batches ? part.loss_sum : 0.0);
        }
        if (part.epoch_ends) {
            callback_->on_epoch_end();
        }
    }
}

SyncOutcome TrainingClient::sync(std::vector<std::byte*> blocks, std::optional<double> loss) {
    check_begun("on_batch_end");
    if (counter_.until_sync() != 0) {
        throw SwarmError(Error{Errc::program, "SwarmCallback: no round is due yet"});
    }
    parameters_->set_blocks(std::move(blocks));
    perform([this, loss](SwarmSession&) { report_counted(loss); });
    return synced();
}

SyncOutcome TrainingClient::end(std::vector<std::byte*> blocks, std::optional<double> loss) {
    check_begun("on_train_end");
    parameters_->set_blocks(std::move(blocks));
    perform([this, loss](SwarmSession&) {
        report_counted(loss);
        callback_->on_train_end();
    });
    return synced();
}

SyncOutcome TrainingClient::synced() {
    counter_.synced();
    counted_.assign(1, {});
    ended_ = callback_->ended();
    return {callback_->rounds(), ended_, to_string(callback_->digest()), callback_->resumed()};
}

void TrainingClient::log(Level level, std::string text, std::string component) {
    perform([=](SwarmSession& session) { session.log(level, text, component); });
}

int TrainingClient::close(std::optional<std::string> failure) {
    std::optional<Error> error = failed_;
    if (!error && failure) {
        error = Error{Errc::program, std::move(*failure)};
    }
    return node_->leave(std::move(error));
}

}  // namespace starling
