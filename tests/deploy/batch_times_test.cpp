#include "deploy/ml/batch_times.hpp"

#include <cmath>

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

TEST(BatchTimes, SpreadIsTheDeviationOfTheLogarithm) {
    BatchTimes times;
    times.add(1, 9.0);
    for (const double exponent : {-1.0, 0.0, 1.0}) {
        times.add(4, 4.0 * std::exp(exponent));
    }
    EXPECT_NEAR(times.result(0.0)->seconds_per_batch, 1.0, 1e-12);
    EXPECT_NEAR(times.result(0.0)->spread, 1.4826, 1e-12);
    EXPECT_NEAR(times.result(0.0)->p10, std::exp(-1.0) + 0.2 * (1.0 - std::exp(-1.0)), 1e-12);
    EXPECT_NEAR(times.result(0.0)->p90, 1.0 + 0.8 * (std::exp(1.0) - 1.0), 1e-12);
}

TEST(BatchTimes, AFewDisturbedIntervalsChangeNeitherMedianNorSpread) {
    BatchTimes times;
    times.add(1, 1.0);
    for (int i = 0; i < 12; ++i) {
        times.add(16, 16 * 0.020);
    }
    for (int i = 0; i < 3; ++i) {
        times.add(16, 16 * 0.090);
    }
    EXPECT_DOUBLE_EQ(times.result(0.0)->seconds_per_batch, 0.020);
    EXPECT_NEAR(times.result(0.0)->spread, 0.0, 1e-12);
}

}  // namespace
}  // namespace starling::test
