#include "deploy/host/node_state.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/small_disk.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

class NodeStateFile : public testing::Test {
protected:
    void write() { ASSERT_TRUE(write_state(file, state)); }
    void end(int code) {
        state.ended_unix = state.started_unix + 5;
        state.exit_code = code;
        ASSERT_TRUE(append_end(file, state));
    }

    TemporaryDirectory directory;
    std::filesystem::path file = directory.path() / "sl1.state";
    NodeState state = state_of(::getpid(), Role::sl);
};

TEST_F(NodeStateFile, ContainsWhatIsKnown) {
    write();
    ASSERT_TRUE(append_ports(file, "127.0.0.1:1"));
    ASSERT_TRUE(read_state(file));
    EXPECT_EQ(read_state(file)->status(), "running");
    EXPECT_EQ(read_state(file)->ports, "127.0.0.1:1");
    end(3);
    EXPECT_EQ(read_state(file)->status(), "ended 3");
    EXPECT_EQ(*read_state(file)->ended_unix, state.started_unix + 5);
    write();
    EXPECT_EQ(read_state(file)->status(), "running");
}

TEST_F(NodeStateFile, ReadersWithTheFileOpenSeeItsFinalContent) {
    write();
    std::ifstream opened(file);
    ASSERT_TRUE(read_state(opened));
    end(4);
    std::filesystem::remove(file);
    opened.clear();
    opened.seekg(0);
    const auto read = read_state(opened);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->status(), "ended 4");
}

TEST_F(NodeStateFile, AnEndIsWrittenOnAFullDiskAndReplacesAnEarlierOne) {
    const test::SmallDisk disk(directory.path() / "disk", "64k");
    if (!disk.reason().empty()) {
        GTEST_SKIP() << "no tmpfs can be mounted: " << disk.reason();
    }
    file = directory.path() / "disk" / "sl1.state";
    write();
    disk.fill();
    end(1);
    EXPECT_EQ(read_state(file)->status(), "ended 1");
    disk.fill();
    const auto again = write_state(file, state);
    ASSERT_FALSE(again.has_value());
    EXPECT_NE(again.error().message.find("sl1.state can't be written: No space left on device. It "
                                         "needs "),
              std::string::npos)
        << again.error().message;
    EXPECT_FALSE(read_state(file)) << "it describes an earlier start";
}

}  // namespace
}  // namespace starling
