#include "core/torch/image_optimizers.hpp"

#include <algorithm>

#include <ATen/ATen.h>

namespace starling {
namespace {

class OptimizerBase : public ImageOptimizer {
public:
    explicit OptimizerBase(std::vector<at::Tensor> parameters)
        : parameters_(std::move(parameters)) {
        for (const at::Tensor& parameter : parameters_) {
            STARLING_INVARIANT(parameter.scalar_type() == at::kFloat && parameter.device().is_cpu(),
                               "the networks of this folder have such parameters");
            state_.push_back(at::zeros(parameter.sizes()));
        }
    }

    void clear_gradients() override {
        for (const at::Tensor& parameter : parameters_) {
            parameter.mutable_grad() = at::Tensor();
        }
    }

    void step() override {
        const at::NoGradGuard no_gradient;
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            // detach() shares the memory and keeps the change out of autograd's bookkeeping.
            const at::Tensor parameter = parameters_[i].detach();
            change(parameter, parameters_[i].grad(), state_[i]);
        }
        ++steps_;
    }

    std::uint64_t saved_bytes() const override {
        std::uint64_t bytes = sizeof(steps_);
        for (const at::Tensor& state : state_) {
            bytes += state.nbytes();
        }
        return bytes;
    }

    void save(Writer& out) const override {
        out.u64(steps_);
        for (const at::Tensor& state : state_) {
            out.raw({static_cast<const std::byte*>(state.data_ptr()), state.nbytes()});
        }
    }

    Result<void> load(ByteView in) override {
        if (in.size() != saved_bytes()) {
            return Error{Errc::malformed, "the optimizer's state has " + std::to_string(in.size()) +
                                              " bytes, it must have " +
                                              std::to_string(saved_bytes())};
        }
        Reader reader(in);
        steps_ = reader.u64();
        for (const at::Tensor& state : state_) {
            const ByteView bytes = reader.raw(state.nbytes());
            std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(state.data_ptr()));
        }
        return {};
    }

protected:
    std::uint64_t steps() const { return steps_; }

private:
    virtual void change(const at::Tensor& parameter, const at::Tensor& gradient,
                        const at::Tensor& state) const = 0;

    std::vector<at::Tensor> parameters_;
    std::vector<at::Tensor> state_;  // one running mean for each parameter
    std::uint64_t steps_ = 0;
};

class Rmsprop final : public OptimizerBase {
public:
    Rmsprop(std::vector<at::Tensor> parameters, RmspropOptions options)
        : OptimizerBase(std::move(parameters)), options_(options) {}

private:
    void change(const at::Tensor& parameter, const at::Tensor& gradient,
                const at::Tensor& mean_square) const override {
        const double rate =
            options_.rate / (1.0 + options_.rate_decay * static_cast<double>(steps()));
        mean_square.mul_(options_.smoothing);
        mean_square.addcmul_(gradient, gradient, 1.0 - options_.smoothing);
        parameter.addcdiv_(gradient, mean_square.sqrt().add_(options_.epsilon), -rate);
    }

    RmspropOptions options_;
};

class OneCycleSgd final : public OptimizerBase {
public:
    OneCycleSgd(std::vector<at::Tensor> parameters, OneCycleOptions options,
                std::uint64_t total_batches)
        : OptimizerBase(std::move(parameters)),
          options_(options),
          total_batches_(std::max<std::uint64_t>(total_batches, 1)) {}

private:
    double rate() const {
        const double done =
            std::min(1.0, static_cast<double>(steps()) / static_cast<double>(total_batches_));
        const double share =
            done < options_.rise
                ? options_.rate_first + (1.0 - options_.rate_first) * done / options_.rise
                : options_.rate_last +
                      (1.0 - options_.rate_last) * (1.0 - done) / (1.0 - options_.rise);
        return options_.rate_max * share;
    }

    void change(const at::Tensor& parameter, const at::Tensor& gradient,
                const at::Tensor& momentum) const override {
        const at::Tensor slope =
            parameter.dim() > 1 ? gradient.add(parameter, options_.weight_decay) : gradient;
        momentum.mul_(options_.momentum).add_(slope);
        parameter.add_(slope.add(momentum, options_.momentum), -rate());
    }

    OneCycleOptions options_;
    std::uint64_t total_batches_;
};

}  // namespace

std::unique_ptr<ImageOptimizer> make_rmsprop(std::vector<at::Tensor> parameters,
                                             RmspropOptions options) {
    return std::make_unique<Rmsprop>(std::move(parameters), options);
}

std::unique_ptr<ImageOptimizer> make_one_cycle_sgd(std::vector<at::Tensor> parameters,
                                                   OneCycleOptions options,
                                                   std::uint64_t total_batches) {
    return std::make_unique<OneCycleSgd>(std::move(parameters), options, total_batches);
}

}  // namespace starling
