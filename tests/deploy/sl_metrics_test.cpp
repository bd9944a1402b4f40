// What a member's program reports by name, as Prometheus reads it.
#include <limits>

#include <gtest/gtest.h>

#include "deploy/metrics/role_metrics.hpp"

namespace starling::test {
namespace {

std::string text_of(const RoleMetrics& metrics) {
    Exposition out;
    metrics.write(out);
    return out.take();
}

std::size_t samples_in(const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = text.find("\nstarling_scalar{"); at != std::string::npos;
         at = text.find("\nstarling_scalar{", at + 1)) {
        ++count;
    }
    return count;
}

TEST(SlMetrics, NamedValuesAreGaugesWithTheirNewestValue) {
    const auto metrics = make_sl_metrics();
    EXPECT_EQ(samples_in(text_of(*metrics)), 0U);
    for (const double value : {1.0, -0.25}) {
        metrics->count({}, scalar_event(0, "val/accuracy", value));
    }
    metrics->count({}, scalar_event(0, "a", std::numeric_limits<double>::quiet_NaN()));
    metrics->count({}, scalar_event(0, "b", std::numeric_limits<double>::infinity()));
    const std::string text = text_of(*metrics);
    EXPECT_EQ(samples_in(text), 3U);
    for (const char* line :
         {"# TYPE starling_scalar gauge\n", "\nstarling_scalar{name=\"val/accuracy\"} -0.25\n",
          "\nstarling_scalar{name=\"a\"} NaN\n", "\nstarling_scalar{name=\"b\"} +Inf\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    }
}

TEST(SlMetrics, AProgramThatMakesUpNamesDoesNotFillPrometheus) {
    const auto metrics = make_sl_metrics();
    for (int i = 0; i < 1000; ++i) {
        metrics->count({}, scalar_event(0, "n" + std::to_string(i), 1.0));
    }
    EXPECT_EQ(samples_in(text_of(*metrics)), 64U);
    metrics->count({}, scalar_event(1, "n5", 2.0));
    EXPECT_NE(text_of(*metrics).find("{name=\"n5\"} 2\n"), std::string::npos) << "it is known";
}

}  // namespace
}  // namespace starling::test
