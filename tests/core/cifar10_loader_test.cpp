#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/torch/cifar10.hpp"

namespace starling {
namespace {

constexpr std::uintmax_t file_bytes = 30'730'000;

/// A folder of batch files of zeros (ten thousand black images of label 0 each), sparse on disk.
class Cifar10LoaderTest : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = std::filesystem::temp_directory_path() /
                ("starling-cifar10-" + std::to_string(::getpid()));
        folder_ = root_ / cifar10_folder;
        std::filesystem::create_directories(folder_);
        for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                 "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
            std::ofstream(folder_ / name).close();
            std::filesystem::resize_file(folder_ / name, file_bytes);
        }
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void poke(const std::string& name, std::streamoff position, std::uint8_t value) {
        std::fstream file(folder_ / name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(position);
        file.put(static_cast<char>(value));
    }
    Error error_of_load() {
        const Result<ImageData> data = load_cifar10(root_);
        return data ? Error{} : data.error();
    }

    std::filesystem::path root_;
    std::filesystem::path folder_;
};

TEST_F(Cifar10LoaderTest, ReadsLabelsAndPixelsInOrder) {
    poke("data_batch_2.bin", 3 * 3073, 7);
    poke("data_batch_2.bin", 3 * 3073 + 1 + 1024, 200);  // first green pixel
    poke("test_batch.bin", 9'999 * 3073, 9);
    poke("test_batch.bin", 9'999 * 3073 + 3072, 255);  // last blue pixel
    const Result<ImageData> data = load_cifar10(root_);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->train.size(), 50'000U);
    EXPECT_EQ(data->test.size(), 10'000U);
    EXPECT_EQ(data->train.labels[10'003], 7);
    EXPECT_EQ(data->train.image(10'003)[1024], 200);
    EXPECT_EQ(data->train.labels[10'002], 0);
    EXPECT_EQ(data->test.labels[9'999], 9);
    EXPECT_EQ(data->test.image(9'999)[3071], 255);
}

TEST_F(Cifar10LoaderTest, AcceptsTheInnerFolderToo) { EXPECT_TRUE(load_cifar10(folder_)); }

TEST_F(Cifar10LoaderTest, NamesAMissingFile) {
    std::filesystem::remove(folder_ / "data_batch_4.bin");
    const Error error = error_of_load();
    EXPECT_EQ(error.code, Errc::not_found);
    EXPECT_NE(error.message.find("data_batch_4.bin"), std::string::npos) << error.message;
}

TEST_F(Cifar10LoaderTest, NamesATruncatedFile) {
    std::filesystem::resize_file(folder_ / "test_batch.bin", file_bytes - 1);
    const Error error = error_of_load();
    EXPECT_EQ(error.code, Errc::malformed);
    EXPECT_NE(error.message.find("test_batch.bin"), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("truncated"), std::string::npos) << error.message;
}

TEST_F(Cifar10LoaderTest, NamesAFileThatIsTooLarge) {
    std::filesystem::resize_file(folder_ / "data_batch_1.bin", file_bytes + 3073);
    const Error error = error_of_load();
    EXPECT_EQ(error.code, Errc::malformed);
    EXPECT_NE(error.message.find("too large"), std::string::npos) << error.message;
}

TEST_F(Cifar10LoaderTest, NamesFileAndRecordOfAnInvalidLabel) {
    poke("data_batch_3.bin", 1234 * 3073, 10);
    const Error error = error_of_load();
    EXPECT_EQ(error.code, Errc::malformed);
    EXPECT_NE(error.message.find("data_batch_3.bin, record 1234: label 10"), std::string::npos)
        << error.message;
}

TEST_F(Cifar10LoaderTest, RejectsADirectoryInPlaceOfAFile) {
    std::filesystem::remove(folder_ / "data_batch_5.bin");
    std::filesystem::create_directory(folder_ / "data_batch_5.bin");
    EXPECT_EQ(error_of_load().code, Errc::io);
}

}  // namespace
}  // namespace starling
