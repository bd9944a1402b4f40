// What swarm-board answers when memory for its answers is short.
#include "deploy/board/board_content.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

class BoardContentTest : public testing::Test {
protected:
    BoardContentTest() {
        for (int i = 1; i <= 4; ++i) {
            model.add_start("node=sl" + std::to_string(i) + " role=sl");
        }
        whole_bytes = shown_run_json(shown, "Test").size();
    }

    RunModel model;
    ShownRun shown{"run", "live", &model};
    std::size_t whole_bytes = 0;
};

TEST_F(BoardContentTest, AnswersThatNobodyReadsAnyMoreAreGivenUpForNewOnes) {
    ASSERT_GE(model.version(), 3U);
    BoardContent content(shown, "Test", nullptr, whole_bytes);
    for (const char* since : {"0", "1", "2", "3"}) {
        EXPECT_EQ(content.answer("/api/run?since=" + std::string(since)).status, 200U) << since;
    }
}

TEST_F(BoardContentTest, WhileClientsReadSlowlyOthersAreTurnedAway) {
    ASSERT_GE(model.version(), 3U);
    BoardContent content(shown, "Test", nullptr, whole_bytes);
    HttpAnswer first = content.answer("/api/run");
    HttpAnswer second = content.answer("/api/run?since=1");
    EXPECT_EQ(content.answer("/api/run?since=2").status, 503U);
    first = {};
    second = {};
    EXPECT_EQ(content.answer("/api/run?since=2").status, 200U);
}

}  // namespace
}  // namespace starling
