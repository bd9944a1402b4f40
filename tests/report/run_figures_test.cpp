// The report covers the newest training, over all starts that took part in it.
#include "bench/report/run_figures.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

class RunFiguresTest : public testing::Test {
protected:
    void begin(std::int64_t second, std::size_t start) {
        records.push_back({second * second_ns, "ml1", "sync_begin", {}, start});
    }
    void end(std::int64_t second, int round, std::size_t start) {
        records.push_back(
            {second * second_ns, "ml1", "sync_end", {{"round", std::to_string(round)}}, start});
    }
    void exchange(std::int64_t second, int run, std::size_t start) {
        records.push_back({second * second_ns,
                           "sl1",
                           "exchange_done",
                           {{"contract", "c"}, {"run", std::to_string(run)}, {"sent_bytes", "100"}},
                           start});
    }
    RunFigures figures() const { return *figures_of(newest_training(records)); }

    std::vector<TraceRecord> records;
};

TEST_F(RunFiguresTest, StartsOfOneTrainingAreCombined) {
    begin(1, 0);
    end(2, 0, 0);
    exchange(2, 0, 0);
    begin(11, 0);  // killed during this sync
    begin(21, 1);
    end(22, 1, 1);
    exchange(22, 0, 1);
    EXPECT_EQ(figures().rounds, 2U);
    EXPECT_EQ(figures().exchanged_bytes, 200U);
    EXPECT_DOUBLE_EQ(figures().merge_seconds, 1.0);
    EXPECT_DOUBLE_EQ(figures().training_seconds, 19.0) << "from 2 s to 21 s, with the restart";
}

TEST_F(RunFiguresTest, TrainingIsThatOfTheMemberThatCameLast) {
    for (const auto& [node, early] : {std::pair("ml1", 3), std::pair("ml2", 0)}) {
        for (const int round : {0, 1, 2}) {
            records.push_back({(10 * round + 8 - early) * second_ns, node, "sync_begin", {}, 0});
            records.push_back({(10 * round + 9) * second_ns,
                               node,
                               "sync_end",
                               {{"round", std::to_string(round)}},
                               0});
        }
    }
    EXPECT_DOUBLE_EQ(figures().round_seconds, 10.0);
    EXPECT_DOUBLE_EQ(figures().training_seconds, 9.0);
    EXPECT_DOUBLE_EQ(figures().merge_seconds, 1.0);
}

TEST_F(RunFiguresTest, AnEarlierTrainingIsExcluded) {
    begin(1, 0);
    end(2, 0, 0);
    exchange(2, 0, 0);
    begin(3, 0);
    end(4, 1, 0);
    exchange(4, 0, 0);
    begin(101, 1);
    end(102, 0, 1);
    exchange(102, 1, 1);
    EXPECT_EQ(figures().rounds, 1U);
    EXPECT_EQ(figures().exchanged_bytes, 100U);
}

}  // namespace
}  // namespace starling
