#include "deploy/ml/batch_times.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace starling::test {
namespace {

TEST(BatchTimes, NoBatchIsNoResult) {
    BatchTimes times;
    times.add(0, 5.0);
    EXPECT_FALSE(times.result(1.0));
    EXPECT_EQ(times.measured_batches(), 0U);
}

TEST(BatchTimes, TheFirstIntervalCountsOnlyIfThereIsNoOther) {
    BatchTimes times;
    times.add(10, 5.0);
    EXPECT_EQ(times.measured_batches(), 0U);
    EXPECT_DOUBLE_EQ(times.result(1.0)->seconds_per_batch, 0.5);
    times.add(20, 4.0);
    EXPECT_EQ(times.measured_batches(), 20U);
    EXPECT_DOUBLE_EQ(times.result(1.0)->seconds_per_batch, 0.2);
    EXPECT_DOUBLE_EQ(times.result(1.0)->startup_seconds, 1.0);
}

TEST(BatchTimes, QuantilesAreThoseOfTheIntervals) {
    BatchTimes times;
    times.add(1, 9.0);
    for (const double seconds : {8.0, 1.0, 2.0}) {
        times.add(4, 4.0 * seconds);
    }
    const std::vector<double> tenths = times.result(0.0)->quantiles;
    ASSERT_EQ(tenths.size(), 11U);
    EXPECT_DOUBLE_EQ(tenths.front(), 1.0);
    EXPECT_DOUBLE_EQ(tenths[1], 1.2);
    EXPECT_DOUBLE_EQ(tenths[5], 2.0);
    EXPECT_DOUBLE_EQ(tenths[9], 6.8);
    EXPECT_DOUBLE_EQ(tenths.back(), 8.0);
    EXPECT_DOUBLE_EQ(times.result(0.0)->seconds_per_batch, 2.0);
}

TEST(BatchTimes, AFewDisturbedIntervalsShowInTheLastQuantilesOnly) {
    BatchTimes times;
    times.add(1, 1.0);
    for (int i = 0; i < 12; ++i) {
        times.add(16, 16 * 0.020);
    }
    for (int i = 0; i < 3; ++i) {
        times.add(16, 16 * 0.090);
    }
    EXPECT_DOUBLE_EQ(times.result(0.0)->seconds_per_batch, 0.020);
    EXPECT_DOUBLE_EQ(times.result(0.0)->quantiles[7], 0.020);
    EXPECT_DOUBLE_EQ(times.result(0.0)->quantiles[9], 0.090);
}

}  // namespace
}  // namespace starling::test
