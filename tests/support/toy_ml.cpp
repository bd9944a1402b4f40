// A training program without torch, for tests with real processes: each member pulls its parameters
// towards a target drawn from its own name, so every member must change the swarm's model. Its
// momentum is local state, which it registers with the callback.
//
//   toy-ml [--elements N] [--batches N] [--sync N] [--extra-tensor] [--wait-limit S]
//          [--fail-at BATCH] [--until FILE] [--save-at FIFO] [--exit-with CODE]
//          [--non-finite refuse|warn|allow] [--merge RULE]
//          [--exchange auto|star|butterfly|tree] [--compress METHOD]
//
// --exit-with ends the process as soon as it has joined, without leaving the swarm;
// --until ends the training once that file exists, whatever --batches is;
// --save-at, with the final model, waits for a writer to open that FIFO before it reports that the
// model is saved.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/random.hpp"
#include "core/ml/swarm.hpp"

namespace starling {
namespace {

class VectorParameters final : public ModelParameters {
public:
    VectorParameters(std::size_t elements, bool extra_tensor) {
        std::vector<TensorSpec> tensors = {
            {"weight", DType::f32, {static_cast<std::int64_t>(elements)}}};
        if (extra_tensor) {
            tensors.push_back({"bias", DType::f32, {3}});
        }
        layout_ = *ParamLayout::make(std::move(tensors));
        values.resize(layout_.element_count(), 0.0F);
    }
    const ParamLayout& layout() const override { return layout_; }
    void save(std::span<std::byte> out) const override {
        std::memcpy(out.data(), values.data(), out.size());
    }
    Segments save_segments() const override {
        SegmentWriter out(layout_.size_bytes());
        out.put(0, std::as_bytes(std::span(values)));
        return out.take();
    }
    void load(std::span<const Blob> segments) override {
        copy_bytes(segments, 0, std::as_writable_bytes(std::span(values)));
    }

    std::vector<float> values;

private:
    ParamLayout layout_;
};

class Momentum final : public ProgramState {
public:
    explicit Momentum(std::size_t elements) : values(elements, 0.0F) {}
    Bytes save() const override {
        const auto bytes = std::as_bytes(std::span(values));
        return {bytes.begin(), bytes.end()};
    }
    Result<void> load(ByteView in) override {
        if (in.size() != values.size() * sizeof(float)) {
            return Error{Errc::malformed, "it is of another size"};
        }
        std::memcpy(values.data(), in.data(), in.size());
        return {};
    }

    std::vector<float> values;
};

struct Flags {
    std::uint64_t elements = 100'000;
    std::uint64_t batches = 40;
    std::uint64_t sync = 16;
    std::uint64_t wait_limit_s = 0;
    std::uint64_t fail_at = 0;
    std::uint64_t exit_with = 0;
    bool extra_tensor = false;
    std::string until;
    std::string save_at;
    NonFinitePolicy non_finite = NonFinitePolicy::refuse;
    ExchangePlan exchange = ExchangePlan::automatic;
    std::string merge = "mean";
    std::string compression = "none";
    Durability durable = Durability::all;
    SyncUntil sync_until = SyncUntil::commit;
};

template <typename Value>
Value accepted(Result<Value> value) {
    if (!value) {
        throw SwarmError(value.error());
    }
    return *value;
}

Flags parse(const std::vector<std::string>& arguments) {
    Flags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--extra-tensor") {
            flags.extra_tensor = true;
            continue;
        }
        if (arguments[i] == "--until" && i + 1 < arguments.size()) {
            flags.until = arguments[++i];
            continue;
        }
        if (arguments[i] == "--save-at" && i + 1 < arguments.size()) {
            flags.save_at = arguments[++i];
            continue;
        }
        if (arguments[i] == "--merge" && i + 1 < arguments.size()) {
            flags.merge = arguments[++i];
            continue;
        }
        if (arguments[i] == "--compress" && i + 1 < arguments.size()) {
            flags.compression = arguments[++i];
            continue;
        }
        if (arguments[i] == "--non-finite" && i + 1 < arguments.size()) {
            flags.non_finite = accepted(parse_non_finite_policy(arguments[++i]));
            continue;
        }
        if (arguments[i] == "--durable" && i + 1 < arguments.size()) {
            flags.durable = accepted(parse_durability(arguments[++i]));
            continue;
        }
        if (arguments[i] == "--sync-until" && i + 1 < arguments.size()) {
            flags.sync_until = accepted(parse_sync_until(arguments[++i]));
            continue;
        }
        if (arguments[i] == "--exchange" && i + 1 < arguments.size()) {
            flags.exchange = accepted(parse_exchange_plan(arguments[++i]));
            continue;
        }
        std::uint64_t* value = arguments[i] == "--elements"     ? &flags.elements
                               : arguments[i] == "--batches"    ? &flags.batches
                               : arguments[i] == "--sync"       ? &flags.sync
                               : arguments[i] == "--wait-limit" ? &flags.wait_limit_s
                               : arguments[i] == "--fail-at"    ? &flags.fail_at
                               : arguments[i] == "--exit-with"  ? &flags.exit_with
                                                                : nullptr;
        if (value == nullptr || i + 1 == arguments.size()) {
            throw SwarmError(Error{Errc::usage, "toy-ml: unknown flag '" + arguments[i] + "'"});
        }
        *value = std::stoull(arguments[++i]);
    }
    return flags;
}

void train(SwarmSession& swarm) {
    const Flags flags = parse(swarm.arguments());
    VectorParameters parameters(flags.elements, flags.extra_tensor);
    Momentum momentum(parameters.values.size());
    SwarmCallbackOptions options;
    options.state = &momentum;
    options.sync_frequency = static_cast<std::uint32_t>(flags.sync);
    options.min_peers = swarm.min_peers();
    options.wait_limit = std::chrono::seconds(flags.wait_limit_s);
    options.non_finite = flags.non_finite;
    options.exchange = flags.exchange;
    options.merge_rule = flags.merge;
    options.compression = flags.compression;
    options.durable = flags.durable;
    options.sync_until = flags.sync_until;
    options.workload = "toy";
    SwarmCallback callback(swarm, parameters, options);
    if (flags.exit_with != 0) {
        std::_Exit(static_cast<int>(flags.exit_with));
    }
    callback.on_train_begin();
    const TrainingPosition& done = callback.resumed();
    const auto goes_on = [&](std::uint64_t batch) {
        return done.epochs_done == 0 &&
               (flags.until.empty() ? batch <= flags.batches
                                    : !std::filesystem::exists(flags.until));
    };
    for (std::uint64_t batch = done.batches_done + 1; goes_on(batch); ++batch) {
        Random random(derive_seed(batch, swarm.node().name));
        for (std::size_t i = 0; i < parameters.values.size(); ++i) {
            float& value = parameters.values[i];
            float& speed = momentum.values[i];
            speed = 0.5F * speed + 0.05F * (static_cast<float>(random.uniform()) - value);
            value += speed;
        }
        if (batch == flags.fail_at) {
            throw std::runtime_error("told to fail at batch " + std::to_string(batch));
        }
        callback.report("weight/first", static_cast<double>(parameters.values[0]));
        callback.on_batch_end(0.0);
    }
    if (done.epochs_done == 0) {
        callback.on_epoch_end();
    }
    callback.on_train_end();
    if (!flags.save_at.empty()) {
        const std::ifstream opened(flags.save_at);  // blocks until a writer opens it
    }
    swarm.log(Level::info, "toy-ml ends with digest " + to_string(callback.digest()));
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) { return starling::ml_main(argc, argv, starling::train); }
