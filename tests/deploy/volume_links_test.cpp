// What --ml-v means for an ML program without a container.
#include "deploy/ml/volume_links.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

class VolumeLinks : public testing::Test {
protected:
    VolumeLinks() { fs::create_directories(folder.path() / "workspace/model"); }
    std::string path(const std::string& name) const { return (folder.path() / name).string(); }
    Result<std::vector<std::string>> link(const std::string& volume) const {
        return link_volumes({volume}, folder.path());
    }

    TemporaryDirectory folder;
};

TEST_F(VolumeLinks, ThePathLeadsToTheDirectory) {
    const auto made = link("workspace/model:" + path("test/model") + ":ro");
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(*made,
              (std::vector<std::string>{path("test/model") + " -> " + path("workspace/model")}));
    std::ofstream(path("test/model/file")) << "x";
    EXPECT_TRUE(fs::exists(path("workspace/model/file")));
}

TEST_F(VolumeLinks, ASlashAtTheEndOfThePathMakesNoDifference) {
    const auto made = link("workspace/model:" + path("test/model/"));
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(fs::is_symlink(path("test/model")));
}

TEST_F(VolumeLinks, NothingIsDoneASecondTimeOrForTheSamePath) {
    ASSERT_TRUE(link("workspace/model:" + path("test/model")));
    const auto again = link("workspace/model:" + path("test/model"));
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->empty());
    const auto same = link("/data:/data");
    ASSERT_TRUE(same);
    EXPECT_TRUE(same->empty());
}

TEST_F(VolumeLinks, WhatCanNotBeLinkedIsNamed) {
    fs::create_directories(path("test/model"));
    const auto taken = link("workspace/model:" + path("test/model"));
    ASSERT_FALSE(taken);
    EXPECT_NE(taken.error().message.find(path("test/model") + " exists already"), std::string::npos)
        << taken.error().message;
    const auto missing = link("nowhere:" + path("test/other"));
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("is no directory of this host"), std::string::npos);
    EXPECT_EQ(link("workspace/model:model").error().code, Errc::usage);
    EXPECT_EQ(link("workspace/model").error().code, Errc::usage);
}

}  // namespace
}  // namespace starling
