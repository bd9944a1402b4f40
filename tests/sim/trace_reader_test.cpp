// Traces of the simulator, as read by the report.
#include "bench/report/trace_reader.hpp"

#include <gtest/gtest.h>

#include "core/trace/trace_event.hpp"
#include "tests/support/temporary_directory.hpp"

namespace starling {
namespace {

TEST(TraceReader, ReturnsNamesWithAnyCharacters) {
    const TemporaryDirectory directory;
    const std::string file = (directory.path() / "t").string();
    std::ofstream(file) << "# starling-trace 1 simulated seed=1\n"
                        << trace_line(from_ns(5), NodeId{"platform"},
                                      TraceEvent("host_off").with("host", "Peter's 100% laptop"))
                        << "\n";
    const auto records = read_trace(file);
    ASSERT_TRUE(records) << records.error().message;
    ASSERT_EQ(records->size(), 1U);
    EXPECT_EQ(records->front().fields.at("host"), "Peter's 100% laptop");
}

TEST(TraceReader, RefusesADirectoryByName) {
    const TemporaryDirectory directory;
    const std::string path = directory.path().string();
    const auto records = read_trace(path);
    ASSERT_FALSE(records);
    EXPECT_EQ(records.error().message, "trace file " + path + " is a directory, not a file");
}

}  // namespace
}  // namespace starling
