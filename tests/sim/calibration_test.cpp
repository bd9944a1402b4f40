#include "sim/calibration.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

TEST(Calibration, ReadsATableAndKeepsDefaultsForTheRest) {
    const auto table = parse_calibration(R"({
        "workloads": {"cifar10/tiny/32": {"seconds_per_batch": 0.0045, "startup_seconds": 0.8, "spread": 0.1}},
        "fsync_seconds": 0.001, "hash_bytes_per_second": 1.8e9})",
                                         "t.json");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_DOUBLE_EQ(table->workload("cifar10/tiny/32")->seconds_per_batch, 0.0045);
    EXPECT_DOUBLE_EQ(table->workload("cifar10/tiny/32")->startup_seconds, 0.8);
    EXPECT_DOUBLE_EQ(table->workload("cifar10/tiny/32")->spread, 0.1);
    EXPECT_DOUBLE_EQ(table->fsync_seconds, 0.001);
    EXPECT_DOUBLE_EQ(table->hash_bytes_per_second, 1.8e9);
    EXPECT_DOUBLE_EQ(table->merge_bytes_per_second, Calibration{}.merge_bytes_per_second);
}

TEST(Calibration, QuantilesOfAWorkloadAreAscendingNumbers) {
    const auto table = parse_calibration(
        R"({"workloads": {"a": {"seconds_per_batch": 2, "quantiles": [1, 2, 5.5]}}})", "t.json");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->workload("a")->quantiles, (std::vector<double>{1.0, 2.0, 5.5}));
    for (const char* quantiles :
         {"1", "[]", "[1]", "[2, 1]", "[0, 1]", "[1, \"2\"]", "{\"a\": 1, \"b\": 2}"}) {
        const auto wrong = parse_calibration(
            std::string(R"({"workloads": {"a": {"seconds_per_batch": 2, "quantiles": )") +
                quantiles + "}}}",
            "t.json");
        ASSERT_FALSE(wrong) << quantiles;
        EXPECT_NE(wrong.error().message.find("'quantiles'"), std::string::npos)
            << wrong.error().message;
    }
}

TEST(Calibration, WhatTheNetworkCostsIsFreeUntilItWasMeasured) {
    EXPECT_FALSE(Calibration{}.charges_network());
    const auto table = parse_calibration(R"({"tls_send_bytes_per_second": 2e9, "spread": 0.05,
        "disk_bytes_per_second": 5e8, "measured": {"repetitions": 3, "factors": {"bytes": 1}}})",
                                         "t.json");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_TRUE(table->charges_network());
    EXPECT_DOUBLE_EQ(table->tls_send_bytes_per_second, 2e9);
    EXPECT_DOUBLE_EQ(table->disk_bytes_per_second, 5e8);
    EXPECT_DOUBLE_EQ(table->spread, 0.05);
    EXPECT_FALSE(table->unsigned_message_seconds);
    EXPECT_FALSE(parse_calibration(R"({"tls_send_bytes_per_second": 0})", "t.json"));
    for (const char* key : {"message_seconds", "unsigned_message_seconds", "wake_seconds"}) {
        const auto one = parse_calibration(std::string("{\"") + key + "\": 1e-5}", "t.json");
        ASSERT_TRUE(one) << key;
        EXPECT_TRUE(one->charges_network()) << key;
        EXPECT_FALSE(parse_calibration(std::string("{\"") + key + "\": -1}", "t.json")) << key;
    }
}

TEST(Calibration, ARowOfTheNodeCountsBeforeThatOfAllNodes) {
    const auto table = parse_calibration(
        R"({"workloads": {"w": {"seconds_per_batch": 2}, "w@ml2": {"seconds_per_batch": 3}}})",
        "t.json");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_DOUBLE_EQ(table->workload("w", {"ml1"})->seconds_per_batch, 2);
    EXPECT_DOUBLE_EQ(table->workload("w", {"ml2"})->seconds_per_batch, 3);
    EXPECT_FALSE(table->workload("v", {"ml2"}));
}

TEST(Calibration, UnknownWorkloadSaysHowToMeasureIt) {
    const auto cost = Calibration{}.workload("mnist/64", {"ml1"});
    ASSERT_FALSE(cost);
    EXPECT_NE(cost.error().message.find("mnist/64"), std::string::npos);
    EXPECT_NE(cost.error().message.find("SWARM_CALIBRATE=FILE"), std::string::npos);
}

TEST(Calibration, ErrorsNameFileAndLine) {
    for (const char* text :
         {"", "{", "[]", "{\"fsync_seconds\": }", "{\"fsync_seconds\": -1}", "{\"speed\": 1}",
          "{\"fsync_seconds\": 1} x", "{\"fsync_seconds\": 1,}", "{\"fsync_seconds\": \"1\"}",
          "{\"workloads\": 1}", "{\"workloads\": {\"a\": 1}}", "{\"fsync_seconds\": 1e999}",
          "{\"workloads\": {\"a\": {}}}", "{\"workloads\": {\"a\": {\"seconds_per_batch\": 0}}}"}) {
        const auto table = parse_calibration(text, "t.json");
        ASSERT_FALSE(table) << text;
        EXPECT_NE(table.error().message.find("t.json"), std::string::npos) << text;
        EXPECT_NE(table.error().message.find("line 1"), std::string::npos) << text;
    }
    EXPECT_NE(parse_calibration("{\n\n\"x\": 1}", "t.json").error().message.find("line 3"),
              std::string::npos);
}

}  // namespace
}  // namespace starling
