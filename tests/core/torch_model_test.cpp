#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <torch/script.h>
#include <unistd.h>

#include "core/torch/batches.hpp"
#include "core/torch/drawn_images.hpp"
#include "core/torch/image_classifier.hpp"
#include "core/torch/module_parameters.hpp"
#include "core/torch/torch_script.hpp"

namespace starling {
namespace {

Bytes bytes_of(const ModelParameters& parameters) {
    Bytes bytes(static_cast<std::size_t>(parameters.layout().size_bytes()));
    parameters.save(bytes);
    return bytes;
}

struct MixedModule : torch::nn::Module {
    MixedModule() {
        counter = register_buffer("counter", torch::full({}, 7, torch::kInt64));
        half = register_parameter("half", torch::full({3}, 0.5, torch::kFloat16));
        inner = register_module("inner", std::make_shared<torch::nn::Module>());
        // Not row-major in memory.
        turned = inner->register_parameter(
            "turned", torch::arange(6, torch::kFloat32).reshape({2, 3}).t(), false);
    }
    torch::Tensor counter, half, turned;
    std::shared_ptr<torch::nn::Module> inner;
};

TEST(ParametersOf, KeepsTypesAndFindsTensorsByName) {
    MixedModule module;
    const auto parameters = parameters_of(module);
    const auto tensors = parameters->layout().tensors();
    ASSERT_EQ(tensors.size(), 3U);
    EXPECT_EQ(tensors[0].name, "counter");  // decreasing element size
    EXPECT_EQ(tensors[0].dtype, DType::i64);
    EXPECT_EQ(tensors[1].name, "inner.turned");
    EXPECT_EQ(tensors[1].shape, (std::vector<std::int64_t>{3, 2}));
    EXPECT_EQ(tensors[2].dtype, DType::f16);

    const Bytes bytes = bytes_of(*parameters);
    float values[6];
    std::memcpy(values, bytes.data() + tensors[1].offset_bytes, sizeof(values));
    EXPECT_EQ(values[1], 3.0F) << "row-major, whatever the tensor's memory layout";

    MixedModule other;
    {
        const torch::NoGradGuard no_gradient;
        other.counter.fill_(0);
        other.half.fill_(0);
        other.turned.fill_(0);
    }
    const auto other_parameters = parameters_of(other);
    other_parameters->load(cut(Blob(bytes)));
    EXPECT_EQ(other.counter.item<std::int64_t>(), 7);
    EXPECT_TRUE(torch::equal(other.turned, module.turned));
    EXPECT_TRUE(torch::equal(other.half, module.half));
    EXPECT_EQ(bytes_of(*other_parameters), bytes);
}

TEST(ParametersOf, RejectsTensorsThatCannotBeMerged) {
    torch::nn::Module module;
    EXPECT_THROW(parameters_of(module), SwarmError);
    module.register_buffer("mask", torch::ones({2}, torch::kBool));
    try {
        parameters_of(module);
        FAIL() << "a bool tensor was accepted";
    } catch (const SwarmError& error) {
        EXPECT_NE(std::string(error.what()).find("'mask'"), std::string::npos) << error.what();
    }
}

TEST(ImageClassifier, TinyIsHpesNetwork) {
    ImageClassifier classifier({.model = "tiny", .seed = 1});
    EXPECT_EQ(classifier.parameters().layout().element_count(), 328'586U);
    EXPECT_EQ(classifier.parameters().layout().tensors().size(), 4U);
}

TEST(ImageClassifier, UnknownModelIsNamed) {
    const auto defaults = image_model_defaults("resnet");
    ASSERT_FALSE(defaults);
    EXPECT_NE(defaults.error().message.find("resnet"), std::string::npos);
}

TEST(ImageClassifier, InitialParametersDependOnTheSeedAlone) {
    for (const std::string model : {"tiny", "cnn"}) {
        ImageClassifier first({.model = model, .seed = 1});
        torch::manual_seed(99);  // the global generator has no influence
        ImageClassifier second({.model = model, .seed = 1});
        ImageClassifier other({.model = model, .seed = 2});
        EXPECT_EQ(bytes_of(first.parameters()), bytes_of(second.parameters()));
        EXPECT_NE(bytes_of(first.parameters()), bytes_of(other.parameters()));
    }
}

Bytes train(const ImageSet& set, const std::string& model, std::uint32_t shard, int batches) {
    use_torch_threads(1);
    const ImageModelDefaults defaults = *image_model_defaults(model);
    ImageClassifier classifier({model, 1, static_cast<std::uint64_t>(batches)});
    BatchSource source(set, iid_part(set.size(), {shard, 2}), {defaults.batch_size, 1, shard});
    std::uint64_t epoch = 0;
    for (int i = 0; i < batches; ++i) {
        std::optional<Batch> batch = source.next();
        if (!batch) {
            source.start_epoch(++epoch);
            batch = source.next();
        }
        classifier.train_batch(*batch);
    }
    return bytes_of(classifier.parameters());
}

/// The script is a second description of the network: it must compute the same as the trained
/// module.
void expect_script_agrees(ImageClassifier& classifier, const ImageSet& set) {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("starling-" + std::to_string(::getpid()) + ".pt");
    ASSERT_TRUE(write_torch_script(path, classifier.parameters().layout(),
                                   bytes_of(classifier.parameters()), classifier.script()));
    torch::jit::Module module = torch::jit::load(path.string());
    std::filesystem::remove(path);
    Batch batch = plain_batch(set, 0, set.size());
    const auto size = static_cast<std::int64_t>(batch.size());
    const torch::NoGradGuard no_gradient;
    const torch::Tensor images = torch::from_blob(batch.pixels.data(), {size, 3, 32, 32});
    const torch::Tensor labels = torch::from_blob(batch.labels.data(), {size}, torch::kInt64);
    const torch::Tensor guesses = module.forward({images}).toTensor().argmax(1);
    const auto correct = guesses.eq(labels).sum().item<std::int64_t>();
    EXPECT_NEAR(static_cast<double>(correct), static_cast<double>(classifier.count_correct(set)),
                2.0);
}

TEST(ImageClassifier, ScriptComputesTheSame) {
    use_torch_threads(1);
    const ImageData data = draw_images({.train_count = 320, .test_count = 10});
    for (const std::string model : {"tiny", "cnn"}) {
        ImageClassifier classifier({.model = model, .seed = 1, .total_batches = 100});
        BatchSource source(data.train, full_part(320), {.batch_size = 32});
        for (std::uint64_t epoch = 1; epoch <= 10; ++epoch) {
            source.start_epoch(epoch);
            while (std::optional<Batch> batch = source.next()) {
                classifier.train_batch(*batch);
            }
        }
        EXPECT_GT(classifier.count_correct(data.train), 85U) << model << " has learned nothing";
        expect_script_agrees(classifier, data.train);
    }
}

/// The simulator relies on this: trainings in parallel threads of one process give the same bits as
/// each gives alone.
TEST(ImageClassifier, TrainsToTheSameBitsAloneAndInParallel) {
    const ImageData data = draw_images({.train_count = 2'020, .test_count = 10});
    for (const std::string model : {"tiny", "cnn"}) {
        constexpr int batches = 40;
        const Bytes alone_1 = train(data.train, model, 1, batches);
        const Bytes alone_2 = train(data.train, model, 2, batches);
        EXPECT_NE(alone_1, alone_2);
        Bytes beside_1, beside_2;
        std::thread first([&] { beside_1 = train(data.train, model, 1, batches); });
        std::thread second([&] { beside_2 = train(data.train, model, 2, batches); });
        first.join();
        second.join();
        EXPECT_EQ(beside_1, alone_1) << model;
        EXPECT_EQ(beside_2, alone_2) << model;
    }
}

/// A program that is killed and restarted trains to the same bits: parameters come from the swarm,
/// the optimizer's state from its file, the images from the position.
TEST(ImageClassifier, AnotherInstanceResumesWithTheOptimizersState) {
    const ImageData data = draw_images({.train_count = 640, .test_count = 10});
    for (const std::string model : {"tiny", "cnn"}) {
        const ImageClassifierOptions options{.model = model, .seed = 1, .total_batches = 20};
        BatchSource source(data.train, full_part(640), {.batch_size = 32});
        const auto train_rest = [&](ImageClassifier& classifier, std::uint64_t done) {
            source.start_epoch(1, done);
            while (std::optional<Batch> batch = source.next()) {
                classifier.train_batch(*batch);
            }
            return bytes_of(classifier.parameters());
        };
        ImageClassifier first(options);
        source.start_epoch(1);
        for (int i = 0; i < 12; ++i) {
            std::optional<Batch> batch = source.next();
            first.train_batch(*batch);
        }
        ImageClassifier second(options);
        second.parameters().load(cut(Blob(bytes_of(first.parameters()))));
        ImageClassifier without(options);
        without.parameters().load(cut(Blob(bytes_of(first.parameters()))));
        Writer saved;
        first.save_optimizer(saved);
        EXPECT_EQ(saved.bytes().size(), first.optimizer_bytes());
        ASSERT_TRUE(second.load_optimizer(saved.bytes()));
        const Bytes expected = train_rest(first, 12);
        EXPECT_EQ(train_rest(second, 12), expected) << model;
        EXPECT_NE(train_rest(without, 12), expected)
            << model << ": without the state the result differs";
    }
}

TEST(ImageClassifier, AnOptimizerStateOfAnotherSizeIsRefused) {
    ImageClassifier tiny({.model = "tiny"});
    Writer saved;
    tiny.save_optimizer(saved);
    const ByteView whole = saved.bytes();
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, whole.size() - 1}) {
        EXPECT_FALSE(tiny.load_optimizer(whole.first(size)));
    }
    EXPECT_FALSE(ImageClassifier({.model = "cnn"}).load_optimizer(whole));
}

TEST(ImageClassifier, CnnPassesEightyFivePercentOnDrawnImages) {
    use_torch_threads(1);
    const ImageData data = draw_images({.seed = 1, .train_count = 4'000, .test_count = 1'000});
    constexpr std::uint64_t epochs = 3;
    const ImageModelDefaults defaults = *image_model_defaults("cnn");
    BatchSource source(data.train, full_part(data.train.size()), {defaults.batch_size, 1, 1});
    ImageClassifier classifier(
        {.model = "cnn", .seed = 1, .total_batches = epochs * source.batches_per_epoch()});
    EXPECT_LT(classifier.count_correct(data.test), 250U) << "untrained, it can only guess";
    for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) {
        source.start_epoch(epoch);
        while (std::optional<Batch> batch = source.next()) {
            classifier.train_batch(*batch);
        }
    }
    const std::uint64_t correct = classifier.count_correct(data.test);
    RecordProperty("correct", std::to_string(correct));
    EXPECT_GT(correct, 850U);
}

}  // namespace
}  // namespace starling
