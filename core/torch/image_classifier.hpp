#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/coding.hpp"
#include "core/ml/swarm.hpp"
#include "core/torch/batches.hpp"
#include "core/torch/image_set.hpp"

namespace starling {

struct ImageClassifierOptions {
    /// "tiny": Conv 3x3 (3 to 32) + ReLU + Linear, 328,586 parameters, RMSprop with rate 1e-4: the
    /// network of HPE's CIFAR-10 example. "cnn": four convolutions with batch normalisation, SGD
    /// with momentum and a one-cycle learning rate.
    std::string model = "tiny";
    std::uint64_t seed =
        1;  ///< of the initial parameters; members with the same seed have the same
    std::uint64_t total_batches = 1;  ///< of the whole training, for cnn's learning-rate schedule
};

/// Names of the models: "tiny, cnn".
std::string_view image_model_names();

/// Defaults for training a model.
struct ImageModelDefaults {
    std::size_t batch_size = 32;
};
/// Errc::usage: no model has this name.
Result<ImageModelDefaults> image_model_defaults(std::string_view model);

/// A network for images of ten classes, with its optimiser. Results depend on options, batches and
/// loaded parameters only: torch's generators, which threads share, are not used. Instances are not
/// thread-safe, but any number can train in parallel.
class ImageClassifier {
public:
    /// \pre  image_model_defaults(options.model) has a value.
    explicit ImageClassifier(const ImageClassifierOptions& options);
    ImageClassifier(const ImageClassifier&) = delete;
    ImageClassifier& operator=(const ImageClassifier&) = delete;
    ~ImageClassifier();

    /// One step of the optimiser. \return the batch's mean loss before it, in nats.
    double train_batch(Batch& batch);
    /// Number of images of `set` that are classified correctly.
    std::uint64_t count_correct(const ImageSet& set);

    /// Valid as long as the classifier.
    ModelParameters& parameters();
    /// State of the optimiser, which the swarm does not average: steps done (u64) and one float32
    /// per parameter.
    void save_optimizer(Writer& out) const;
    std::uint64_t optimizer_bytes() const;
    /// Loads the state of a classifier with the same options. On an error nothing is changed.
    Result<void> load_optimizer(ByteView in);
    /// The network's forward pass as TorchScript: `def forward(self, x): ...`, for images of 0
    /// to 1.
    std::string_view script() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Sets how many threads torch uses for one operation of the calling thread. With 1 it starts none;
/// training needs this, since results with more may differ in bits.
void use_torch_threads(int count);

}  // namespace starling
