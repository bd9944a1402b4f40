// The fuzz targets without libFuzzer, which needs clang and its own build: each runs on its initial
// corpus and on some random inputs, so that every build compiles them, and has tried them once.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "tests/fuzz/targets.hpp"

namespace starling::fuzz {
namespace {

constexpr std::size_t longest_random = 2'000;
constexpr int random_inputs = 50;

class FuzzTarget : public testing::TestWithParam<Target> {};

TEST_P(FuzzTarget, AcceptsTheWellFormedInputsOfItsCorpus) {
    const std::string prefix = std::string(GetParam().name) + "/";
    for (const auto& [name, input] : make_seeds()) {
        if (name.starts_with(prefix)) {
            SCOPED_TRACE(name);
            GetParam().run(input);
        }
    }
}

TEST_P(FuzzTarget, AcceptsTheFilesOfItsCorpus) {
    const std::filesystem::path corpus(STARLING_FUZZ_CORPUS);
    const std::filesystem::path directory = corpus / GetParam().name;
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        SCOPED_TRACE(entry.path().string());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        GetParam().run(std::as_bytes(std::span(text)));
        ++files;
    }
    EXPECT_GT(files, 0U) << directory << " is empty: starling-fuzz --write-seeds";
}

TEST_P(FuzzTarget, AcceptsRandomInputs) {
    Random random(1);
    for (int i = 0; i < random_inputs; ++i) {
        Bytes input(random.below(longest_random));
        for (std::byte& byte : input) {
            byte = static_cast<std::byte>(random.below(256));
        }
        GetParam().run(input);
    }
}

INSTANTIATE_TEST_SUITE_P(Each, FuzzTarget, testing::ValuesIn(all_targets()),
                         [](const auto& made) { return std::string(made.param.name); });

}  // namespace
}  // namespace starling::fuzz
