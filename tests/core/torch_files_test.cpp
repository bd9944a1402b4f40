#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/random.hpp"
#include "core/files/replace_file.hpp"
#include "core/torch/image_classifier.hpp"
#include "core/torch/safetensors.hpp"
#include "core/torch/torch_script.hpp"

namespace starling {
namespace {

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class TorchFilesTest : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = std::filesystem::temp_directory_path() /
                ("starling-torch-files-" + std::to_string(::getpid()));
        std::filesystem::create_directories(root_);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void write(const std::filesystem::path& path, const std::string& text) {
        std::ofstream(path, std::ios::binary) << text;
    }

    std::filesystem::path root_;
};

ParamLayout small_layout() {
    return *ParamLayout::make({{"fc.weight", DType::f32, {2, 3}},
                               {"fc.half", DType::f16, {3}},
                               {"fc.num_batches_tracked", DType::i64, {}}});
}

Bytes small_params() {
    Bytes params(static_cast<std::size_t>(small_layout().size_bytes()));
    for (std::size_t i = 0; i < params.size(); ++i) {
        params[i] = static_cast<std::byte>(i);
    }
    return params;
}

TEST_F(TorchFilesTest, SafetensorsRoundTrip) {
    const std::filesystem::path path = root_ / "new folder" / "model.safetensors";
    ASSERT_TRUE(write_safetensors(path, small_layout(), small_params(), {{"digest", "a\"b\n"}}));
    const Result<SafetensorsFile> file = read_safetensors(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->layout.text(), small_layout().text());
    EXPECT_EQ(file->params, small_params());
    EXPECT_EQ(file->metadata.at("digest"), "a\"b\n");
}

TEST_F(TorchFilesTest, SafetensorsHaveTheFormatsBytes) {
    const ParamLayout layout = *ParamLayout::make({{"w", DType::f32, {2}}});
    const std::string json =
        R"({"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
    const std::string header = safetensors_header(layout, {{"k", "v"}});
    EXPECT_EQ(header.size() % 8, 0U);
    EXPECT_EQ(static_cast<unsigned char>(header[0]), header.size() - 8);
    EXPECT_EQ(header.substr(8, json.size()), json);
    EXPECT_EQ(header.find_first_not_of(' ', 8 + json.size()), std::string::npos);
}

TEST_F(TorchFilesTest, DamagedSafetensorsAreRefused) {
    const std::filesystem::path path = root_ / "model.safetensors";
    ASSERT_TRUE(write_safetensors(path, small_layout(), small_params(), {}));
    const std::string whole = read(path);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write(path, whole.substr(0, length));
        EXPECT_FALSE(read_safetensors(path)) << "cut to " << length << " bytes";
    }
    write(path, whole + "x");
    EXPECT_FALSE(read_safetensors(path)) << "one byte too many";
    // A changed byte may give another valid file (a name, a value), but must not crash the reader.
    Random random(1);
    const std::size_t data_begin = whole.size() - small_params().size();
    int refused = 0;
    for (int i = 0; i < 2'000; ++i) {
        std::string changed = whole;
        changed[random.below(data_begin)] = static_cast<char>(random.below(256));
        write(path, changed);
        refused += read_safetensors(path) ? 0 : 1;
    }
    EXPECT_GT(refused, 1'000);
}

TEST_F(TorchFilesTest, SafetensorsWithInvalidOffsetsAreRefused) {
    const auto refuse = [&](const std::string& json, std::size_t data_bytes, const char* why) {
        std::string header(8, '\0');
        header[0] = static_cast<char>(json.size());
        write(root_ / "bad", header + json + std::string(data_bytes, 'x'));
        EXPECT_FALSE(read_safetensors(root_ / "bad")) << why;
    };
    refuse(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 8, "end too early");
    refuse(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", 16, "a gap");
    refuse(R"({"w":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,8]}})", 8,
           "huge");
    refuse(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "negative");
    refuse(R"({"w":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}})", 8, "unknown type");
    refuse(R"({"w":3})", 8, "no tensor");
    refuse(R"([1])", 8, "no object");
}

TEST_F(TorchFilesTest, TorchScriptHasTheSameBytesForAnyFileName) {
    for (const std::string model : {"tiny", "cnn"}) {
        ImageClassifier classifier({.model = model, .seed = 1});
        const ParamLayout& layout = classifier.parameters().layout();
        Bytes params(static_cast<std::size_t>(layout.size_bytes()));
        classifier.parameters().save(params);
        const auto first = write_torch_script(root_ / "a.pt", layout, params, classifier.script());
        ASSERT_TRUE(first) << first.error().message;
        ASSERT_TRUE(
            write_torch_script(root_ / "node2" / "other.pt", layout, params, classifier.script()));
        const std::string bytes = read(root_ / "a.pt");
        EXPECT_GT(bytes.size(), params.size());
        EXPECT_EQ(bytes, read(root_ / "node2" / "other.pt"));
        EXPECT_EQ(bytes.find(root_.string()), std::string::npos) << "the archive contains no path";
        params[0] ^= std::byte{1};
        ASSERT_TRUE(write_torch_script(root_ / "c.pt", layout, params, classifier.script()));
        EXPECT_NE(bytes, read(root_ / "c.pt"));
    }
}

TEST_F(TorchFilesTest, AnInvalidScriptIsAnErrorAndKeepsTheOldFile) {
    write(root_ / "a.pt", "old");
    const auto written = write_torch_script(root_ / "a.pt", small_layout(), small_params(),
                                            "def forward(self, x):\n    return self.nothing(x)\n");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::program);
    EXPECT_EQ(read(root_ / "a.pt"), "old");
}

TEST_F(TorchFilesTest, AnUnwritableFileIsNamedAndNothingIsLeft) {
    write(root_ / "file", "x");
    const std::array<ByteView, 0> nothing{};
    EXPECT_FALSE(replace_file(root_ / "file" / "below.bin", nothing));
    std::filesystem::create_directory(root_ / "folder");
    const Result<void> written = replace_file(root_ / "folder", nothing);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find("folder"), std::string::npos);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root_), {}), 2);
}

}  // namespace
}  // namespace starling
