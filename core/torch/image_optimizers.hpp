#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/coding.hpp"
#include "core/base/result.hpp"

namespace at {
class Tensor;
}

namespace starling {

/// Updates a model's parameters by their gradients. Its state (momentum) stays with the member: the
/// swarm averages parameters only.
class ImageOptimizer {
public:
    virtual ~ImageOptimizer() = default;
    virtual void clear_gradients() = 0;
    virtual void step() = 0;

    /// Steps done (u64) and the running means, little-endian float32 in the parameters' order.
    virtual void save(Writer& out) const = 0;
    virtual std::uint64_t saved_bytes() const = 0;
    /// Loads the saved state of an optimiser of the same kind; on an error nothing is changed.
    virtual Result<void> load(ByteView in) = 0;
};

struct RmspropOptions {
    double rate = 1e-4;
    double rate_decay = 1e-6;  ///< step n (from 0) has rate / (1 + rate_decay * n), as in Keras 2
    double smoothing = 0.9;    ///< of the mean square of gradients
    double epsilon = 1e-7;     ///< added to the root of the mean square
};
/// RMSprop without momentum (Tieleman and Hinton 2012) with the rules and defaults of Keras 2.
std::unique_ptr<ImageOptimizer> make_rmsprop(std::vector<at::Tensor> parameters,
                                             RmspropOptions options);

struct OneCycleOptions {
    double rate_max = 0.02;
    double rise = 0.05;          ///< fraction of the batches during which the rate rises
    double rate_first = 0.1;     ///< fraction of rate_max at the first batch
    double rate_last = 0.2;      ///< fraction of rate_max at the last batch
    double momentum = 0.9;       ///< Nesterov
    double weight_decay = 5e-4;  ///< of tensors with two or more dimensions
};
/// SGD with a one-cycle rate over `total_batches` (Smith 2018), linear in both phases, since the
/// last bit of a cosine differs between mathematics libraries.
std::unique_ptr<ImageOptimizer> make_one_cycle_sgd(std::vector<at::Tensor> parameters,
                                                   OneCycleOptions options,
                                                   std::uint64_t total_batches);

}  // namespace starling
