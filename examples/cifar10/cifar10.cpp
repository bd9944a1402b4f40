// Trains a network on CIFAR-10 as a member of a swarm: HPE's example, in C++ with libtorch. This
// file contains what a program needs to join a swarm; flags, data and files are handled in the
// other files of this folder.

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "core/ml/swarm.hpp"
#include "core/torch/batches.hpp"
#include "core/torch/heap.hpp"
#include "core/torch/image_classifier.hpp"
#include "examples/cifar10/program_data.hpp"
#include "examples/cifar10/program_options.hpp"
#include "examples/cifar10/program_state.hpp"
#include "examples/cifar10/save_model.hpp"

namespace starling {
namespace {

template <typename T>
T or_throw(Result<T> result) {
    if (!result) {
        throw SwarmError(result.error());
    }
    return std::move(*result);
}

/// The flags, with the model's defaults for those that were not given.
Result<ProgramFlags> complete_flags(const std::vector<std::string>& arguments) {
    Result<ProgramFlags> flags = parse_flags(arguments);
    if (flags && flags->batch_size == 0) {
        flags->batch_size = image_model_defaults(flags->model)->batch_size;
    }
    return flags;
}

std::shared_ptr<const ImageData> session_data(const SwarmSession& session,
                                              const ProgramFlags& flags) {
    const std::string directory =
        flags.data_dir.empty() ? session.environment("DATA_DIR") : flags.data_dir;
    auto data = or_throw(load_data(directory.empty() ? "" : session.resolve(directory), flags));
    session.log(Level::info, "Data: " + data->source + ", " + std::to_string(data->train.size()) +
                                 " training and " + std::to_string(data->test.size()) +
                                 " test images");
    return data;
}

/// The number of images of each class that a member has: "cat 2500, dog 2500".
std::string classes_text(const ImageData& data, const std::vector<std::uint32_t>& part) {
    std::array<std::size_t, image_classes> counts{};
    for (const std::uint32_t index : part) {
        ++counts[data.train.labels[index]];
    }
    std::string text;
    for (std::size_t label = 0; label < image_classes; ++label) {
        text += (text.empty() ? "" : ", ") + std::string(data.class_names[label]) + " " +
                std::to_string(counts[label]);
    }
    return text;
}

BatchSource make_source(const SwarmSession& session, const ProgramFlags& flags,
                        const ImageData& data) {
    const ImageSet& set = data.train;
    // With "full" the shard changes the order only.
    const Shard shard = shard_of(session);
    std::vector<std::uint32_t> part;
    switch (flags.partition) {
        case Partition::iid:
            part = iid_part(set.size(), shard);
            break;
        case Partition::skewed:
            part = skewed_part(set, shard);
            break;
        case Partition::full:
            part = full_part(set.size());
            break;
    }
    if (part.empty()) {
        throw SwarmError(Error{Errc::usage, "SHARD_COUNT is " + std::to_string(shard.count) +
                                                ", but there are only " +
                                                std::to_string(set.size()) + " training images"});
    }
    session.log(Level::info, "Training on " + std::to_string(part.size()) + " images, partition " +
                                 std::string(partition_name(flags.partition)) + ", shard " +
                                 std::to_string(shard.index) + " of " +
                                 std::to_string(shard.count) + ": " + classes_text(data, part));
    return {set, std::move(part), {flags.batch_size, flags.seed, shard.index}};
}

SwarmCallbackOptions callback_options(const SwarmSession& session, const ProgramFlags& flags,
                                      std::uint64_t epochs) {
    SwarmCallbackOptions options;
    options.sync_frequency = static_cast<std::uint32_t>(flags.sync_frequency);
    options.min_peers = session.min_peers();
    options.total_epochs = static_cast<std::uint32_t>(epochs);
    options.batch_size = static_cast<std::uint32_t>(flags.batch_size);
    options.wait_limit = std::chrono::seconds(flags.wait_limit_seconds);
    options.non_finite = flags.non_finite;
    options.durable = flags.durable;
    options.sync_until = flags.sync_until;
    options.merge_rule = flags.merge;
    options.exchange = flags.exchange;
    options.compression = flags.compression;
    options.workload = "cifar10/" + flags.model + "/" + std::to_string(flags.batch_size);
    return options;
}

void log_progress(const SwarmSession& session, std::uint64_t epoch, std::uint64_t epochs,
                  std::uint64_t batch, std::uint64_t batches, double loss) {
    std::array<char, 128> line{};
    std::snprintf(line.data(), line.size(), "epoch %llu/%llu batch %llu/%llu loss %.3f",
                  static_cast<unsigned long long>(epoch), static_cast<unsigned long long>(epochs),
                  static_cast<unsigned long long>(batch), static_cast<unsigned long long>(batches),
                  loss);
    session.log(Level::info, line.data());
}

/// Identifies the training to which a saved state belongs.
std::string training_text(const SwarmSession& session, const ProgramFlags& flags,
                          const ImageData& data, std::uint64_t epochs) {
    const Shard shard = shard_of(session);
    return "model " + flags.model + ", seed " + std::to_string(flags.seed) + ", batch size " +
           std::to_string(flags.batch_size) + ", " + std::to_string(epochs) + " epochs of " +
           data.source + " (" + std::to_string(data.train.size()) + " images), partition " +
           std::string(partition_name(flags.partition)) + ", shard " + std::to_string(shard.index) +
           " of " + std::to_string(shard.count);
}

/// One pass over this member's images, or what is left of it after `done` batches.
void train_epoch(const SwarmSession& session, SwarmCallback& callback, ImageClassifier& classifier,
                 BatchSource& source, std::uint64_t epoch, std::uint64_t epochs,
                 std::uint64_t done) {
    constexpr std::uint64_t batches_between_lines = 64;  // by count: times would differ in each run
    const std::uint64_t batches = source.batches_per_epoch();
    source.start_epoch(epoch, done);
    double loss_sum = 0.0;
    std::uint64_t loss_count = 0;
    while (std::optional<Batch> batch = source.next()) {
        const double loss = classifier.train_batch(*batch);
        if (!std::isfinite(loss)) {
            throw SwarmError(
                Error{Errc::program, "the loss is no longer a finite number in epoch " +
                                         std::to_string(epoch) +
                                         "; the swarm is spared these parameters"});
        }
        loss_sum += loss;
        ++loss_count;
        if (++done % batches_between_lines == 0 || done == batches) {
            log_progress(session, epoch, epochs, done, batches,
                         loss_sum / static_cast<double>(loss_count));
            loss_sum = 0.0;
            loss_count = 0;
        }
        callback.on_batch_end(loss);
    }
    callback.on_epoch_end();
}

void evaluate(const SwarmSession& session, ImageClassifier& classifier, const ImageSet& test) {
    const std::uint64_t correct = classifier.count_correct(test);
    const double percent = 100.0 * static_cast<double>(correct) / static_cast<double>(test.size());
    std::array<char, 96> line{};
    std::snprintf(line.data(), line.size(), "Test accuracy %.2f %% (%llu of %zu images)", percent,
                  static_cast<unsigned long long>(correct), test.size());
    session.log(Level::info, line.data());
    session.trace(TraceEvent("evaluation")
                      .with("correct", correct)
                      .with("samples", test.size())
                      .with("classes", image_classes));
}

void save(const SwarmSession& session, const ProgramFlags& flags, const SwarmCallback& callback,
          ImageClassifier& classifier, const std::string& source) {
    const std::filesystem::path stem =
        session.model_dir() / "saved_models" / ("cifar10-" + flags.model);
    const std::string digest = "sha256:" + to_string(callback.digest());
    const std::map<std::string, std::string> metadata = {
        {"model", "cifar10/" + flags.model},
        {"digest", digest},
        {"rounds", std::to_string(callback.rounds())},
        {"data", source}};
    const Result<void> saved =
        save_model(stem, classifier.parameters(), metadata, classifier.script());
    if (!saved) {
        throw SwarmError(saved.error());
    }
    const std::uint64_t last = callback.rounds() == 0 ? 0 : callback.rounds() - 1;
    session.log(Level::info, "Final model: round " + std::to_string(last) + ", digest " + digest +
                                 ", saved in " + stem.string() + ".safetensors and .pt");
}

void train(SwarmSession& session) {
    const ProgramFlags flags = or_throw(complete_flags(session.arguments()));
    use_torch_threads(static_cast<int>(flags.threads));
    const std::uint64_t epochs =
        flags.epochs != 0 ? flags.epochs : session.environment_number("MAX_EPOCHS", 1, 1, 100'000);

    const auto data = session_data(session, flags);
    BatchSource source = make_source(session, flags, *data);
    ImageClassifier classifier({flags.model, flags.seed, epochs * source.batches_per_epoch()});
    session.log(Level::info,
                "Model " + flags.model + ": " + classifier.parameters().layout().summary());

    TrainingState state(classifier, training_text(session, flags, *data, epochs));
    SwarmCallbackOptions options = callback_options(session, flags, epochs);
    options.state = &state;
    SwarmCallback callback(session, classifier.parameters(), options);
    callback.on_train_begin();
    // Where an earlier start of this program was interrupted, if there was one.
    const TrainingPosition start = callback.resumed();
    std::uint64_t done = start.batches_done;
    for (std::uint64_t epoch = start.epochs_done + 1; epoch <= epochs && !callback.ended();
         ++epoch) {
        train_epoch(session, callback, classifier, source, epoch, epochs, std::exchange(done, 0));
    }
    callback.on_train_end();

    evaluate(session, classifier, data->test);
    save(session, flags, callback, classifier, data->source);
}

}  // namespace
}  // namespace starling

int main(int argc, char** argv) {
    starling::keep_freed_memory();
    return starling::ml_main(argc, argv, starling::train, starling::program_help());
}
