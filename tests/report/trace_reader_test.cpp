// The trace file of a process that was started, and killed, several times.
#include "bench/report/trace_reader.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

class TraceReaderTest : public testing::Test {
protected:
    Result<std::vector<TraceRecord>> read(const std::string& text) {
        const std::filesystem::path file = directory.path() / "sn1.trace";
        write_text(file, text);
        return read_trace(file.string());
    }
    TemporaryDirectory directory;
};

TEST_F(TraceReaderTest, EachStartHasItsOwnClock) {
    const auto records = read(
        "# starling-trace 1 node=sn1 role=sn epoch_ns=1000\n5 sn1 sn_started entries=0\n"
        "# starling-trace 1 node=sn1 role=sn epoch_ns=9000\n5 sn1 sn_started entries=7\n");
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 2U);
    EXPECT_EQ((*records)[0].time_ns, 1005);
    EXPECT_EQ((*records)[0].start, 0U);
    EXPECT_EQ((*records)[1].time_ns, 9005);
    EXPECT_EQ((*records)[1].start, 1U);
}

TEST_F(TraceReaderTest, AnIncompleteLastLineIsSkipped) {
    const auto records = read("5 sn1 step\n6 sn1 st");
    ASSERT_TRUE(records);
    EXPECT_EQ(records->size(), 1U);
}

TEST_F(TraceReaderTest, AStartAfterAnIncompleteLineIsAGap) {
    const auto records = read(
        "# starling-trace 1 node=sn1 role=sn epoch_ns=10\n5 sn1 step\n6\n"
        "# starling-trace 1 node=sn1 role=sn epoch_ns=10\n9 sn1 step\n");
    ASSERT_TRUE(records) << records.error().message;
    ASSERT_EQ(records->size(), 3U);
    EXPECT_EQ((*records)[1].event, "trace_gap");
    EXPECT_EQ((*records)[1].node, "sn1");
    EXPECT_EQ((*records)[1].time_ns, 15);
    EXPECT_EQ((*records)[2].time_ns, 19);
}

TEST_F(TraceReaderTest, AnInvalidLineIsNamed) {
    const auto records = read("5 sn1 step\nhello\n6 sn1 step\n");
    ASSERT_FALSE(records);
    EXPECT_NE(records.error().message.find("sn1.trace:2: not a line of a trace"),
              std::string::npos);
}

}  // namespace
}  // namespace starling
