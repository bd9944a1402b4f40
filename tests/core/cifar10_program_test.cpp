#include <gtest/gtest.h>

#include "examples/cifar10/program_data.hpp"
#include "examples/cifar10/program_options.hpp"
#include "examples/cifar10/program_state.hpp"

namespace starling {
namespace {

TEST(Cifar10Flags, AreAcceptedInBothSpellings) {
    const Result<ProgramFlags> flags =
        parse_flags({"--model", "cnn", "--epochs=5", "--partition", "full", "--data-dir", "data",
                     "--seed=9", "--merge=trimmed-mean:beta=0.2"});
    ASSERT_TRUE(flags) << flags.error().message;
    EXPECT_EQ(flags->model, "cnn");
    EXPECT_EQ(flags->epochs, 5U);
    EXPECT_EQ(flags->partition, Partition::full);
    EXPECT_EQ(flags->data_dir, "data");
    EXPECT_EQ(flags->seed, 9U);
    EXPECT_EQ(flags->merge, "trimmed-mean:beta=0.2");
    EXPECT_EQ(parse_flags({"--partition=skewed"})->partition, Partition::skewed);
}

TEST(Cifar10Flags, InvalidOnesAreNamed) {
    const auto message = [](std::vector<std::string> arguments) {
        const Result<ProgramFlags> flags = parse_flags(arguments);
        return flags ? std::string() : flags.error().message;
    };
    EXPECT_NE(message({"--modle", "cnn"}).find("'--modle'"), std::string::npos);
    EXPECT_NE(message({"--epochs"}).find("--epochs needs a value"), std::string::npos);
    EXPECT_NE(message({"--epochs", "0"}).find("--epochs is '0'"), std::string::npos);
    EXPECT_NE(message({"--epochs", "5x"}).find("whole number"), std::string::npos);
    EXPECT_NE(message({"--model", "vgg"}).find("tiny, cnn"), std::string::npos);
    EXPECT_NE(message({"--partition", "half"}).find("iid, skewed or full"), std::string::npos);
}

TEST(Cifar10Data, IsSharedByTrainingsInOneProcess) {
    ProgramFlags flags;
    flags.drawn_train = 20;
    flags.drawn_test = 10;
    const auto first = load_data("", flags);
    const auto second = load_data("", flags);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->get(), second->get());
    flags.drawn_train = 30;
    EXPECT_EQ((*load_data("", flags))->train.size(), 30U);
    EXPECT_EQ(load_data("/nowhere at all", flags).error().code, Errc::not_found);
}

TEST(Cifar10State, IsLoadedByTheSameTrainingOnly) {
    ImageClassifier classifier({.model = "cnn"});
    TrainingState state(classifier, "seed 1");
    const Bytes saved = state.save();
    EXPECT_TRUE(state.load(saved));
    const Result<void> other = TrainingState(classifier, "seed 2").load(saved);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().message, "it is of a training with seed 1, and this one has seed 2");
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{3}, std::size_t{9}, std::size_t{14}, saved.size() - 1}) {
        EXPECT_FALSE(state.load(ByteView(saved).first(size))) << size;
    }
}

}  // namespace
}  // namespace starling
