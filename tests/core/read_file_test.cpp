#include "core/files/read_file.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

bool names(const Error& error, const std::string& what) {
    return error.message.find(what) != std::string::npos;
}

class ReadFile : public testing::Test {
protected:
    std::string write(const std::string& text) const {
        const std::string file = (directory_.path() / "file").string();
        std::ofstream(file) << text;
        return file;
    }
    TemporaryDirectory directory_;
};

TEST_F(ReadFile, ReturnsTheWholeText) {
    const std::string text = std::string(100'000, 'x') + "\n end";
    EXPECT_EQ(*read_whole_file(write(text)), text);
    EXPECT_EQ(*read_whole_file(write("")), "");
}

TEST_F(ReadFile, RefusesADirectoryByName) {
    const std::string path = directory_.path().string();
    for (const Error& error : {read_whole_file(path).error(), open_file(path).error()}) {
        EXPECT_EQ(error.code, Errc::io);
        EXPECT_TRUE(names(error, path + " is a directory")) << error.message;
    }
}

TEST_F(ReadFile, NamesAMissingFileAndTheReason) {
    const Error error = read_whole_file(directory_.path() / "none").error();
    EXPECT_TRUE(names(error, "none can't be read: No such file")) << error.message;
}

TEST_F(ReadFile, ReadsNoMoreThanTheBound) {
    const std::string file = write("12345");
    EXPECT_TRUE(read_whole_file(file, 5));
    EXPECT_EQ(read_whole_file(file, 4).error().code, Errc::too_large);
}

}  // namespace
}  // namespace starling
