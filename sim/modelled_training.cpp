// Training without computation: a state machine that syncs at the same batches as SwarmCallback
// (they share SyncCounter) and charges the time of each batch. Parameters are phantoms,
// so memory does not limit the size of simulated models.
#include <algorithm>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <type_traits>
#include <utility>

#include "core/ml/sync_counter.hpp"
#include "sim/sim_training.hpp"

namespace starling {
namespace {

/// Reads one number from a map of texts.
template <typename Number>
Result<void> read(const std::map<std::string, std::string>& texts, const std::string& name,
                  const char* what, double low, double high, Number& number) {
    const auto found = texts.find(name);
    if (found == texts.end() || found->second.empty()) {
        return {};
    }
    std::istringstream stream(found->second);
    stream.imbue(std::locale::classic());
    double value = 0.0;
    const bool read_all =
        (stream >> value) && stream.peek() == std::istringstream::traits_type::eof();
    const bool whole = std::is_floating_point_v<Number> || value == std::floor(value);
    if (!read_all || !whole || !(value >= low) || value > high) {
        std::ostringstream range;
        range << low << " to " << high;
        return Error{Errc::usage,
                     std::string(what) + " " + name + " is '" + found->second + "', it must be a " +
                         (std::is_floating_point_v<Number> ? "number" : "whole number") + " from " +
                         range.str()};
    }
    number = static_cast<Number>(value);
    return {};
}

/// Reads `name` into `value`, by `parse`; nothing if it is not there, or empty.
template <typename Parse, typename Value>
Result<void> read_choice(const std::map<std::string, std::string>& environment, const char* name,
                         Parse parse, Value& value) {
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) {
        return {};
    }
    const Result<Value> parsed = parse(found->second);
    if (!parsed) {
        return Error{Errc::usage,
                     "environment variable " + std::string(name) + ": " + parsed.error().message};
    }
    value = *parsed;
    return {};
}

class ModelledProgram final : public SimProgram,
                              public std::enable_shared_from_this<ModelledProgram> {
public:
    ModelledProgram(SimHost host, std::shared_ptr<const TrainingModel> model,
                    OnTrainRequest on_request)
        : host_(std::move(host)),
          model_(std::move(model)),
          on_request_(std::move(on_request)),
          counter_(model_->sync_frequency) {}

    void resume(TrainReply reply) override {
        if (std::holds_alternative<BeginReply>(reply)) {
            request_after(model_->startup_seconds, open_request());
        } else if (std::holds_alternative<OpenedReply>(reply)) {
            if (model_->sync_first > 0) {
                request_after(save_seconds(), sync_request());
            } else {
                train(0.0);
            }
        } else if (const auto* failed = std::get_if<FailedReply>(&reply)) {
            request_after(0.0, ExitRequest{failed->error.code, failed->error.message});
        } else if (const auto& synced = std::get<SyncedReply>(reply); synced.final) {
            request_after(load_seconds(), ExitRequest{});
        } else {
            counter_.synced();
            if (synced.resumed && !synced.replaced) {
                counter_.resume(synced.resumed->position);
            }
            joined_ = true;
            train(load_seconds());
        }
    }

private:
    /// \param load_seconds  until the parameters to begin with are there.
    void train(double load_seconds) {
        bool due = false;
        while (!due && counter_.position().epochs_done < model_->epochs) {
            const std::uint64_t done = counter_.position().batches_done;
            if (done >= model_->batches()) {
                counter_.end_epoch();
            } else {
                due = counter_.count(std::min(model_->batches() - done, counter_.until_sync()));
            }
        }
        finished_ = !due;
        request_after(load_seconds + static_cast<double>(counter_.since_sync()) * batch_seconds() +
                          save_seconds(),
                      sync_request());
    }

    /// Of the batches up to the next sync.
    double batch_seconds() const {
        const BatchTime& time = model_->batch_time;
        return time.cost ? draw_batch_seconds(host_, *time.cost) : time.seconds;
    }
    double bytes() const {
        return static_cast<double>(model_->parameters * element_bytes(DType::f32));
    }
    double save_seconds() const { return bytes() / model_->copies.save; }
    double load_seconds() const { return bytes() / model_->copies.load; }

    OpenRequest open_request() const {
        OpenRequest request;
        request.contract = model_->contract;
        request.config.min_peers = model_->min_peers;
        request.config.sync_frequency = model_->sync_frequency;
        request.config.exchange = model_->exchange;
        request.config.compression = model_->compression;
        request.config.merge = model_->merge;
        request.config.durable = model_->durable;
        request.config.grace_ns = SwarmCallbackOptions{}.grace.count();
        request.layout = model_->layout ? model_->layout : layout_of(*model_);
        request.config.layout_bytes = request.layout->size_bytes();
        return request;
    }

    SyncRequest sync_request() const {
        SyncRequest request;
        request.check_in.weight = model_->weight;
        request.check_in.samples = counter_.since_sync() * model_->batch_size;
        request.check_in.epochs_done = counter_.position().epochs_done;
        request.check_in.epochs_total = static_cast<std::uint32_t>(model_->epochs);
        request.check_in.finished = finished_;
        request.check_in.fresh = true;
        request.until_merge = model_->sync_until == SyncUntil::merge;
        request.check_in.loss = std::numeric_limits<double>::quiet_NaN();
        const std::uint64_t size = model_->parameters * element_bytes(DType::f32);
        request.params = cut(Blob::phantom(size), model_->segment_bytes);
        request.batches = counter_.since_sync();
        const std::uint64_t state =
            std::min(model_->state_bytes.value_or(size), program_state_bytes_max);
        if (joined_ && state > 0) {
            request.snapshot = {counter_.position(), Blob::phantom(state)};
        }
        return request;
    }

    void request_after(double seconds, TrainRequest request) {
        task_ = host_.compute(seconds, [self = weak_from_this(), request = std::move(request)] {
            if (const auto program = self.lock()) {
                program->task_ = {};  // which keeps the memory of a task that is over
                program->on_request_(request);
            }
        });
    }

    SimHost host_;
    std::shared_ptr<const TrainingModel> model_;
    OnTrainRequest on_request_;
    [[no_unique_address]] SyncCounter counter_;  // the flags are in its last bytes
    bool joined_ = false;                        ///< the first sync is done
    bool finished_ = false;
    CpuTask task_;  ///< what it computes now
};

/// Owns the program. A request may replace the program's task, so that holds a weak pointer.
class Handle final : public SimProgram {
public:
    explicit Handle(std::shared_ptr<ModelledProgram> program) : program_(std::move(program)) {}
    void resume(TrainReply reply) override { program_->resume(std::move(reply)); }

private:
    std::shared_ptr<ModelledProgram> program_;
};

}  // namespace

Result<TrainingModel> read_training_model(const std::map<std::string, std::string>& properties,
                                          const std::map<std::string, std::string>& environment) {
    TrainingModel model;
    double flops_per_batch = 0.0;
    std::uint64_t state_bytes = 0;
    const char* prop = "property";
    const char* env = "environment variable";
    const Result<void> checks[] = {
        read(properties, "model.parameters", prop, 1, 1e11, model.parameters),
        read(properties, "model.segment_bytes", prop, segment_bytes, ParamLayout::segment_bytes_max,
             model.segment_bytes),
        read(properties, "model.seconds_per_batch", prop, 0, 1e6, model.batch_time.seconds),
        read(properties, "model.flops_per_batch", prop, 0, 1e21, flops_per_batch),
        read(properties, "model.state_bytes", prop, 0, 4e11, state_bytes),
        read(properties, "model.samples", prop, 1, 1e12, model.samples),
        read(properties, "model.batch_size", prop, 1, 1e9, model.batch_size),
        read(properties, "model.sync_first", prop, 0, 1, model.sync_first),
        read(properties, "model.startup_seconds", prop, 0, 1e6, model.startup_seconds),
        read(environment, "MAX_EPOCHS", env, 1, 1e6, model.epochs),
        read(environment, "MIN_PEERS", env, 1, 1e5, model.min_peers),
        read(environment, "SYNC_FREQUENCY", env, 1, 4e9, model.sync_frequency),
        read(environment, "NODE_WEIGHTAGE", env, 1, 100, model.weight),
        read_choice(environment, "EXCHANGE", parse_exchange_plan, model.exchange),
        read_choice(environment, "COMPRESS", parse_compression, model.compression),
        read_choice(environment, "MERGE", parse_merge_method, model.merge),
        read_choice(environment, "DURABLE", parse_durability, model.durable),
        read_choice(environment, "SYNC_UNTIL", parse_sync_until, model.sync_until),
    };
    for (const Result<void>& check : checks) {
        if (!check) {
            return check.error();
        }
    }
    if (const auto workload = properties.find("model.workload"); workload != properties.end()) {
        model.batch_time.workload = workload->second;
    }
    std::string given;
    for (const char* name :
         {"model.flops_per_batch", "model.seconds_per_batch", "model.workload"}) {
        if (properties.contains(name)) {
            if (!given.empty()) {
                return Error{Errc::usage, "properties " + given + " and " + name +
                                              " are both given: remove one"};
            }
            given = name;
        }
    }
    if (model.segment_bytes % segment_bytes != 0) {
        return Error{Errc::usage,
                     "property model.segment_bytes is " + std::to_string(model.segment_bytes) +
                         ", it must be a multiple of " + std::to_string(segment_bytes)};
    }
    if (model.segment_bytes != segment_bytes && model.compression.kind != Compression::none) {
        return Error{Errc::usage,
                     "property model.segment_bytes is only for models without COMPRESS"};
    }
    const auto contract = environment.find("TRAINING_CONTRACT");
    if (contract != environment.end() && !contract->second.empty()) {
        model.contract = contract->second;
    }
    if (properties.contains("model.state_bytes")) {
        model.state_bytes = state_bytes;
    }
    if (properties.contains("model.flops_per_batch")) {
        model.batch_time.seconds = flops_per_batch / 1e9;
    }
    return model;
}

double draw_batch_seconds(const SimHost& host, const WorkloadCost& cost) {
    return cost.quantiles.empty() ? cost.seconds_per_batch * host.vary(cost.spread)
                                  : host.draw(cost.quantiles);
}

std::shared_ptr<const ParamLayout> layout_of(const TrainingModel& model) {
    Result<ParamLayout> layout = ParamLayout::make(
        {TensorSpec{"parameters", DType::f32, {static_cast<std::int64_t>(model.parameters)}, 0}},
        model.segment_bytes);
    STARLING_INVARIANT(layout.has_value(), "the number of parameters was checked");
    return std::make_shared<const ParamLayout>(std::move(*layout));
}

std::unique_ptr<SimProgram> make_modelled_program(SimHost host,
                                                  std::shared_ptr<const TrainingModel> model,
                                                  OnTrainRequest on_request) {
    return std::make_unique<Handle>(std::make_shared<ModelledProgram>(
        std::move(host), std::move(model), std::move(on_request)));
}

}  // namespace starling
