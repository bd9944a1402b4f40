// Networks whose training gives the same bits on every host: parameters are initialised by this
// project's generator, nothing is drawn from torch's, and a network's TorchScript (for saved
// models) must compute the same as its forward().
#include "core/torch/image_classifier.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/nn/module.h>

#include "core/base/random.hpp"
#include "core/torch/image_optimizers.hpp"
#include "core/torch/module_parameters.hpp"

namespace starling {
namespace {

using torch::Tensor;

/// Parameters of one layer. torch's own layers are not used, since they initialise parameters from
/// a generator that all threads of a process share.
class Layer : public torch::nn::Module {
public:
    /// Uniform in +-limit, seeded by the tensor's full name. Only +, -, * and /, so that all hosts
    /// get the same values.
    Tensor weight(const std::string& name, std::vector<std::int64_t> shape, double limit,
                  std::uint64_t seed) {
        Tensor tensor = torch::empty(shape);
        Random random(derive_seed(seed, name + ".weight"));
        float* values = tensor.data_ptr<float>();
        for (std::int64_t i = 0; i < tensor.numel(); ++i) {
            values[i] = static_cast<float>((2.0 * random.uniform() - 1.0) * limit);
        }
        return register_parameter("weight", tensor);
    }
    Tensor constant(const std::string& name, std::int64_t size, float value) {
        return register_parameter(name, torch::full({size}, value));
    }
    Tensor running(const std::string& name, std::int64_t size, float value) {
        return register_buffer(name, torch::full({size}, value));
    }
};

class Network : public torch::nn::Module {
public:
    virtual Tensor forward(const Tensor& images, bool train) = 0;

protected:
    std::shared_ptr<Layer> layer(const std::string& name) {
        return register_module(name, std::make_shared<Layer>());
    }
};

constexpr std::string_view tiny_script = R"(
def forward(self, x):
    x = torch.relu(torch.conv2d(x, self.conv.weight, self.conv.bias, [1, 1], [1, 1]))
    return torch.linear(torch.flatten(x, 1), self.fc.weight, self.fc.bias)
)";

class TinyNetwork final : public Network {
public:
    explicit TinyNetwork(std::uint64_t seed) {
        constexpr std::int64_t filters = 32;
        constexpr auto features = static_cast<std::int64_t>(filters * image_side * image_side);
        // Glorot and Bengio 2010, biases zero: the defaults of Keras.
        const auto conv = layer("conv");
        conv_weight_ = conv->weight("conv", {filters, 3, 3, 3}, std::sqrt(6.0 / (27 + 288)), seed);
        conv_bias_ = conv->constant("bias", filters, 0.0F);
        const auto fc = layer("fc");
        fc_weight_ = fc->weight("fc", {10, features}, std::sqrt(6.0 / (32768 + 10)), seed);
        fc_bias_ = fc->constant("bias", 10, 0.0F);
    }

    Tensor forward(const Tensor& images, bool) override {
        const Tensor x = torch::relu(torch::conv2d(images, conv_weight_, conv_bias_, 1, 1));
        return torch::linear(x.flatten(1), fc_weight_, fc_bias_);
    }

private:
    Tensor conv_weight_, conv_bias_, fc_weight_, fc_bias_;
};

constexpr std::string_view cnn_script = R"(
def activate(self, x, scale, bias, mean, var):
    return torch.relu(torch.batch_norm(x, scale, bias, mean, var, False, 0.1, 1e-5, False))

def forward(self, x):
    x = (x - 0.473) * 4.0
    n = self.norm1
    x = torch.max_pool2d(torch.conv2d(x, self.conv1.weight, None, [1, 1], [1, 1]), [2, 2])
    x = self.activate(x, n.weight, n.bias, n.running_mean, n.running_var)
    n = self.norm2
    x = torch.max_pool2d(torch.conv2d(x, self.conv2.weight, None, [1, 1], [1, 1]), [2, 2])
    x = self.activate(x, n.weight, n.bias, n.running_mean, n.running_var)
    n = self.norm3
    x = torch.conv2d(x, self.conv3.weight, None, [1, 1], [1, 1])
    x = self.activate(x, n.weight, n.bias, n.running_mean, n.running_var)
    n = self.norm4
    y = torch.conv2d(x, self.conv4.weight, None, [1, 1], [1, 1])
    x = x + self.activate(y, n.weight, n.bias, n.running_mean, n.running_var)
    return torch.linear(torch.amax(x, [2, 3]), self.fc.weight, self.fc.bias)
)";

/// Four blocks of convolution without bias, batch normalisation and ReLU; the last one has a
/// residual connection (He et al. 2016).
class CnnNetwork final : public Network {
public:
    explicit CnnNetwork(std::uint64_t seed) {
        constexpr std::array<std::int64_t, 5> channels = {3, 24, 48, 96, 96};
        for (std::size_t i = 0; i + 1 < channels.size(); ++i) {
            const std::string number = std::to_string(i + 1);
            const std::string conv = "conv" + number;
            const std::int64_t in = channels[i];
            const std::int64_t out = channels[i + 1];
            // He et al. 2015: variance 2 / fan-in.
            const double limit = std::sqrt(6.0 / static_cast<double>(9 * in));
            const auto norm = layer("norm" + number);
            blocks_.push_back({layer(conv)->weight(conv, {out, in, 3, 3}, limit, seed),
                               norm->constant("weight", out, 1.0F),
                               norm->constant("bias", out, 0.0F),
                               norm->running("running_mean", out, 0.0F),
                               norm->running("running_var", out, 1.0F)});
        }
        const auto fc = layer("fc");
        fc_weight_ = fc->weight("fc", {10, channels.back()},
                                std::sqrt(1.0 / static_cast<double>(channels.back())), seed);
        fc_bias_ = fc->constant("bias", 10, 0.0F);
    }

    Tensor forward(const Tensor& images, bool train) override {
        // Channels last makes oneDNN's convolutions an eighth faster.
        Tensor x = ((images - 0.473) * 4.0).contiguous(torch::MemoryFormat::ChannelsLast);
        // Pooling before normalisation leaves it a quarter of the elements.
        x = activate(0, torch::max_pool2d(convolve(0, x), 2), train);
        x = activate(1, torch::max_pool2d(convolve(1, x), 2), train);
        x = activate(2, convolve(2, x), train);
        x = x + activate(3, convolve(3, x), train);
        return torch::linear(torch::amax(x, {2, 3}), fc_weight_, fc_bias_);
    }

private:
    struct Block {
        Tensor weight, scale, bias, mean, variance;
    };

    Tensor convolve(std::size_t index, const Tensor& x) const {
        return torch::conv2d(x, blocks_[index].weight, {}, 1, 1);
    }
    Tensor activate(std::size_t index, const Tensor& x, bool train) const {
        const Block& block = blocks_[index];
        return torch::relu(torch::batch_norm(x, block.scale, block.bias, block.mean, block.variance,
                                             train, 0.1, 1e-5, false));
    }

    std::vector<Block> blocks_;
    Tensor fc_weight_, fc_bias_;
};

struct Model {
    std::string_view name;
    std::string_view script;
    ImageModelDefaults defaults;
    double label_smoothing;
};
constexpr std::array<Model, 2> models = {
    {{"tiny", tiny_script, {32}, 0.0}, {"cnn", cnn_script, {16}, 0.1}}};

const Model* find_model(std::string_view name) {
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const Model& model) { return model.name == name; });
    return found == models.end() ? nullptr : &*found;
}

}  // namespace

struct ImageClassifier::State {
    explicit State(const ImageClassifierOptions& options) : model(find_model(options.model)) {
        STARLING_INVARIANT(model != nullptr, "callers check the model's name");
        if (model->name == "tiny") {
            network = std::make_shared<TinyNetwork>(options.seed);
            optimizer = make_rmsprop(network->parameters(), {});
        } else {
            network = std::make_shared<CnnNetwork>(options.seed);
            optimizer = make_one_cycle_sgd(network->parameters(), {}, options.total_batches);
        }
        parameters = parameters_of(*network);
    }

    const Model* model;
    std::shared_ptr<Network> network;
    std::unique_ptr<ImageOptimizer> optimizer;
    std::unique_ptr<ModelParameters> parameters;
};

std::string_view image_model_names() { return "tiny, cnn"; }

Result<ImageModelDefaults> image_model_defaults(std::string_view name) {
    const Model* model = find_model(name);
    if (model == nullptr) {
        return Error{Errc::usage, "unknown model '" + std::string(name) +
                                      "'; known models: " + std::string(image_model_names())};
    }
    return model->defaults;
}

ImageClassifier::ImageClassifier(const ImageClassifierOptions& options)
    : state_(std::make_unique<State>(options)) {}

ImageClassifier::~ImageClassifier() = default;

double ImageClassifier::train_batch(Batch& batch) {
    const auto size = static_cast<std::int64_t>(batch.size());
    const Tensor images = torch::from_blob(batch.pixels.data(), {size, 3, 32, 32}, torch::kFloat32);
    const Tensor labels = torch::from_blob(batch.labels.data(), {size}, torch::kInt64);
    state_->optimizer->clear_gradients();
    const Tensor loss = torch::cross_entropy_loss(state_->network->forward(images, true), labels,
                                                  {}, 1, -100, state_->model->label_smoothing);
    loss.backward();
    state_->optimizer->step();
    return loss.item<double>();
}

std::uint64_t ImageClassifier::count_correct(const ImageSet& set) {
    const torch::NoGradGuard no_gradient;
    constexpr std::size_t chunk = 200;
    std::uint64_t correct = 0;
    for (std::size_t first = 0; first < set.size(); first += chunk) {
        Batch batch = plain_batch(set, first, chunk);
        const auto size = static_cast<std::int64_t>(batch.size());
        const Tensor images =
            torch::from_blob(batch.pixels.data(), {size, 3, 32, 32}, torch::kFloat32);
        const Tensor labels = torch::from_blob(batch.labels.data(), {size}, torch::kInt64);
        const Tensor guesses = state_->network->forward(images, false).argmax(1);
        correct += static_cast<std::uint64_t>(guesses.eq(labels).sum().item<std::int64_t>());
    }
    return correct;
}

ModelParameters& ImageClassifier::parameters() { return *state_->parameters; }

void ImageClassifier::save_optimizer(Writer& out) const { state_->optimizer->save(out); }

std::uint64_t ImageClassifier::optimizer_bytes() const { return state_->optimizer->saved_bytes(); }

Result<void> ImageClassifier::load_optimizer(ByteView in) { return state_->optimizer->load(in); }

std::string_view ImageClassifier::script() const { return state_->model->script; }

void use_torch_threads(int count) { at::set_num_threads(count); }

}  // namespace starling
