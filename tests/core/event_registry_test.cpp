#include "core/trace/event_registry.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace starling::test {
namespace {

TEST(EventRegistry, IsSortedByName) {
    const auto kinds = event_kinds();
    for (std::size_t i = 1; i < kinds.size(); ++i) {
        EXPECT_LT(kinds[i - 1].name, kinds[i].name);
        EXPECT_EQ(find_event_kind(kinds[i].name), &kinds[i]);
    }
}

TEST(EventRegistry, NamesTheErrorsOfAnEvent) {
    EXPECT_EQ(event_error(TraceEvent("leader_known").with("leader", "sn1").with("term", 7)), "");
    EXPECT_NE(event_error(TraceEvent("leader_knwon")).find("'leader_knwon' is not in"),
              std::string::npos);
    EXPECT_NE(event_error(TraceEvent("leader_known").with("trem", 7)).find("no field 'trem'"),
              std::string::npos);
    EXPECT_NE(event_error(TraceEvent("leader_known").with("term", "seven")).find("field 'term'"),
              std::string::npos);
    EXPECT_NE(event_error(TraceEvent("round_committed").with("final", 2)), "");
}

/// STARLING_WRITE=1 writes the file.
TEST(EventRegistry, MatchesTheDocument) {
    const std::string path = STARLING_SOURCE "/core/trace/TRACE.md";
    if (std::getenv("STARLING_WRITE") != nullptr) {
        std::ofstream(path) << event_registry_text();
    }
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_TRUE(text.str() == event_registry_text())
        << path << " does not match core/trace/event_kinds.cpp: run with STARLING_WRITE=1";
}

}  // namespace
}  // namespace starling::test
