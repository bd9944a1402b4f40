#include "bench/report/comparison.hpp"

#include <gtest/gtest.h>

namespace starling {
namespace {

RunFigures run_with(double accuracy) {
    RunFigures run;
    run.rounds = 3;
    run.round_seconds = 2.0;
    run.test = {{{"ml1", accuracy}, {"ml2", accuracy}}, 10};
    run.final_digest = {{"ml1", "0123456789abcdef"}, {"ml2", "0123456789abcdef"}};
    run.committed_digest = "0123456789abcdef";
    return run;
}

Comparison comparison_with_alone() {
    Comparison c;
    c.predicted = run_with(0.8975);
    c.measured = run_with(0.8975);
    c.alone = TestResults{{{"ml1", 0.425}, {"ml2", 0.5}}, 10};
    return c;
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// The table's words, since column widths are not tested.
std::string words_of(const std::string& table) {
    std::string words;
    for (const char c : table) {
        if (c != ' ' || (!words.empty() && words.back() != ' ')) {
            words += c;
        }
    }
    return words;
}

TEST(TestResults, AreReadFromTracesWithoutAnyRound) {
    const TraceRecord record{
        5, "ml1", "evaluation", {{"correct", "30"}, {"samples", "40"}, {"classes", "10"}}};
    const TestResults results = test_results_of({record});
    EXPECT_EQ(results.accuracy.at("ml1"), 0.75);
    EXPECT_EQ(results.classes, 10U);
    EXPECT_FALSE(figures_of({record}));
}

TEST(Comparison, ShowsChanceAndEachOwnerAloneBesideTheSwarm) {
    const std::string table = words_of(table_of(comparison_with_alone()));
    EXPECT_TRUE(holds(table, "alone rehearsal real run ratio\n")) << table;
    EXPECT_TRUE(holds(table, "test accuracy by chance 10.00 %\n")) << table;
    EXPECT_TRUE(holds(table, "test accuracy, ml1 42.50 % 89.75 % 89.75 % same\n")) << table;
    EXPECT_TRUE(holds(table, "test accuracy, ml2 50.00 % 89.75 % 89.75 % same\n")) << table;
    EXPECT_EQ(benefit_of(comparison_with_alone()),
              "Of the test images, guessing gets 10.00 % right, the best owner alone 50.00 %, the "
              "swarm 89.75 %.\n");
}

TEST(Comparison, OmitsOwnersAloneIfNoneTrainedAlone) {
    Comparison c = comparison_with_alone();
    c.alone.reset();
    const std::string table = table_of(c);
    EXPECT_FALSE(holds(table, "alone")) << table;
    EXPECT_FALSE(holds(table, "chance")) << table;
    EXPECT_EQ(benefit_of(c), "");
}

TEST(Comparison, SaysWhatTheRehearsalWouldBeAtTheRealSpeedOfTraining) {
    Comparison c = comparison_with_alone();
    EXPECT_EQ(speed_of(c), "") << "the time of training is not known";
    c.predicted->training_seconds = 1.5;
    c.measured->training_seconds = 1.55;
    EXPECT_EQ(speed_of(c), "") << "about the same";
    c.measured->training_seconds = 1.8;
    c.measured->round_seconds = 2.3;
    EXPECT_EQ(speed_of(c),
              "With the real run's time of training, a rehearsed round takes 2.30 s, ratio "
              "1.000.\n");
    EXPECT_TRUE(holds(words_of(table_of(c)), "of it training 1.50 s 1.80 s 0.833\n"));
    EXPECT_TRUE(holds(json_of(c), "\"training_seconds\": 1.800000000, ")) << json_of(c);
    c.measured->training_seconds = 1.2;
    EXPECT_TRUE(holds(speed_of(c), "a rehearsed round takes 1.70 s, ratio 0.739")) << speed_of(c);
    c.predicted.reset();
    EXPECT_EQ(speed_of(c), "");
}

TEST(Comparison, DifferingModelsAreDetected) {
    Comparison c = comparison_with_alone();
    EXPECT_TRUE(same_model_everywhere(c));
    c.measured->final_digest["ml2"] = "fedcba9876543210";
    EXPECT_FALSE(same_model_everywhere(c));
    EXPECT_TRUE(holds(table_of(c), "DIFFERENT")) << table_of(c);
}

}  // namespace
}  // namespace starling
