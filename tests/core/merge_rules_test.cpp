// Each merge rule against its definition in binary64, and what it withstands: garbage, NaN and
// infinity of a minority.
#include "core/merge/merge_rules.hpp"

#include <set>
#include <thread>

#include "core/merge/krum.hpp"
#include "core/merge/merge_segment.hpp"
#include "core/merge/trimmed_mean.hpp"
#include "tests/support/merge_inputs.hpp"
#include "tests/support/merge_reference.hpp"

namespace starling::test {
namespace {

MergeMethod method(const std::string& text) {
    const Result<MergeMethod> parsed = parse_merge_method(text);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *parsed : MergeMethod();
}

TEST(MergeRules, HaveDistinctCodesAndNamesAndAreFoundByBoth) {
    std::set<MergeRule> codes;
    std::set<std::string_view> names;
    for (const MergeRuleRow& row : merge_rules()) {
        EXPECT_TRUE(codes.insert(row.rule).second) << row.name;
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(row_of(MergeMethod(row.rule)), &row);
        EXPECT_EQ(method(std::string(row.name)), MergeMethod(row.rule));
        EXPECT_EQ(method(to_string(MergeMethod(row.rule))), MergeMethod(row.rule));
        EXPECT_TRUE(check(MergeMethod(row.rule)));
        EXPECT_GE(least_min_peers(row.rule), 1U) << row.name;
    }
    EXPECT_EQ(to_string(MergeMethod()), "mean");
}

TEST(MergeRules, TakeParametersByName) {
    EXPECT_EQ(to_string(method("trimmed-mean")), "trimmed-mean:beta=0.1");
    EXPECT_EQ(to_string(method("trimmed-mean:beta=0.25")), "trimmed-mean:beta=0.25");
    EXPECT_EQ(to_string(method("krum:select=3,f=2")), "krum:f=2,select=3");
    EXPECT_EQ(least_min_peers(method("krum:f=2")), 7U);
    EXPECT_EQ(to_string(method("geometric-median:iterations=100")),
              "geometric-median:iterations=100,smoothing=1e-05,tolerance=1e-06");
}

TEST(MergeRules, RefuseWhatIsNotTheirs) {
    const auto refusal = [](std::string_view text) {
        const Result<MergeMethod> parsed = parse_merge_method(text);
        EXPECT_EQ(parsed ? Errc::ok : parsed.error().code, Errc::usage) << text;
        return parsed ? "" : parsed.error().message;
    };
    EXPECT_TRUE(refusal("median").starts_with(
        "'median' is not a merge rule: one of mean, coordinate-median, trimmed-mean, "
        "geometric-median, krum, centred-clipping"));
    EXPECT_EQ(refusal("mean:beta=0.1"),
              "'beta=0.1' is no parameter of merge rule mean, which has none");
    EXPECT_EQ(refusal("krum:m=1"),
              "'m=1' is no parameter of merge rule krum: NAME=NUMBER with one of f, select");
    EXPECT_EQ(refusal("trimmed-mean:beta=0.5"),
              "parameter beta of merge rule trimmed-mean is '0.5', it must be a number from 0 to "
              "0.49");
    EXPECT_EQ(refusal("krum:f=1.5"),
              "parameter f of merge rule krum is '1.5', it must be a whole number from 0 to 1000");
    for (const char* text : {"trimmed-mean:beta", "trimmed-mean:beta=", "trimmed-mean:beta=nan",
                             "trimmed-mean:beta=-0", "trimmed-mean:beta=0.1x", ""}) {
        refusal(text);
    }
    MergeMethod none;
    none.rule = static_cast<MergeRule>(99);
    EXPECT_FALSE(check(none));
    MergeMethod few(MergeRule::krum);
    few.parameters.pop_back();
    EXPECT_FALSE(check(few));
}

TEST(MergeRules, MakeOfOneContributionThatContribution) {
    const Runs<float> one({{1.5F, -2.0F, 0.0F, 3e38F}});
    for (const MergeRuleRow& row : merge_rules()) {
        EXPECT_EQ(merged(row.rule, one, {7}, DType::f32),
                  (std::vector<float>{1.5F, -2.0F, 0.0F, 3e38F}))
            << row.name;
    }
}

/// Whether they are equal up to a few roundings: those of binary64 (1e-13 of the coordinate's
/// largest magnitude), one to the type of the elements, and one more of that largest magnitude for
/// rules that begin at a coordinate median, which is kept in that type.
template <typename T>
void expect_reference(const MergeMethod& rule, const Runs<T>& runs,
                      const std::vector<double>& weights, DType dtype, double rounding) {
    std::vector<std::vector<double>> models(runs.size(), std::vector<double>(runs.count()));
    std::vector<double> largest(runs.count(), 0.0);
    for (std::size_t k = 0; k < runs.size(); ++k) {
        for (std::size_t i = 0; i < runs.count(); ++i) {
            models[k][i] = static_cast<double>(runs.at(k, i));
            largest[i] = std::max(largest[i], std::abs(models[k][i]));
        }
    }
    const std::vector<double> wanted = MergeReference(models, weights).of(rule);
    const std::vector<T> got = merged(rule, runs, weights, dtype);
    const bool begins_at_median =
        rule.rule == MergeRule::geometric_median || rule.rule == MergeRule::centred_clipping;
    const double of_largest = 1e-13 + (begins_at_median ? rounding : 0.0);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        ASSERT_NEAR(static_cast<double>(got[i]), wanted[i],
                    std::abs(wanted[i]) * rounding + largest[i] * of_largest)
            << to_string(rule) << " of " << runs.size() << ", element " << i;
    }
}

TEST(MergeRules, EqualTheirDefinitionsInBinary64) {
    for (const char* text :
         {"mean", "coordinate-median", "trimmed-mean", "trimmed-mean:beta=0.3", "geometric-median",
          "geometric-median:iterations=50", "krum", "krum:f=2,select=4", "centred-clipping",
          "centred-clipping:tau=20000", "centred-clipping:tau=3e6,iterations=8"}) {
        for (const std::size_t runs :
             {1U, 2U, 3U, 4U, 7U, 11U, 13U, 14U, 16U, 17U, 20U, 32U, 40U}) {
            const auto f32 = drawn_runs<float>(runs, 700, runs);
            const auto f64 = drawn_runs<double>(runs, 700, runs);
            for (const auto& weights : {equal_weights(runs), own_weights(runs)}) {
                expect_reference(method(text), f32, weights, DType::f32, 0x1p-24);
                expect_reference(method(text), f64, weights, DType::f64, 0x1p-53);
            }
        }
    }
}

TEST(CoordinateMedian, IsTheMiddleOrBetweenTheTwoInTheMiddle) {
    const auto median = [](std::vector<float> values, const std::vector<double>& weights) {
        std::vector<std::vector<float>> runs;
        for (const float value : values) {
            runs.push_back({value});
        }
        return merged(MergeRule::coordinate_median, Runs<float>(runs), weights, DType::f32)[0];
    };
    EXPECT_EQ(median({3, 1, 2}, {1, 1, 1}), 2.0F);
    EXPECT_EQ(median({4, 1, 2, 3}, {1, 1, 1, 1}), 2.5F);
    EXPECT_EQ(median({1, 2, 3}, {1, 1, 5}), 3.0F);
    EXPECT_EQ(median({1, 2, 3}, {1, 1, 2}), 2.5F);  // half of the weight is up to 2
    EXPECT_EQ(median({-0.0F, 0.0F, 1}, {1, 1, 1}), 0.0F);
}

TEST(TrimmedMean, TrimsAtLeastTheShareAndLeavesOne) {
    EXPECT_EQ(trimmed_count(0.0, 10), 0U);
    EXPECT_EQ(trimmed_count(0.1, 10), 1U);
    EXPECT_EQ(trimmed_count(0.1, 11), 2U);
    EXPECT_EQ(trimmed_count(0.07, 100), 7U);
    EXPECT_EQ(trimmed_count(0.1, 3), 1U);
    EXPECT_EQ(trimmed_count(0.1, 2), 0U);
    EXPECT_EQ(trimmed_count(0.49, 5), 2U);
    EXPECT_EQ(trimmed_count(0.49, 1), 0U);
}

TEST(Krum, TakesThoseWithTheNearestNeighbours) {
    // On a line at 0, 1, 3, 100, 101, 103, 3.5: with f = 2 the three nearest count.
    const std::vector<double> places = {0, 1, 3, 100, 101, 103, 3.5};
    std::vector<double> squares;
    for (std::size_t j = 1; j < places.size(); ++j) {
        for (std::size_t i = 0; i < j; ++i) {
            squares.push_back((places[i] - places[j]) * (places[i] - places[j]));
        }
    }
    EXPECT_EQ(krum_selection(squares, 7, 2, 1), std::vector<std::size_t>{1});
    EXPECT_EQ(krum_selection(squares, 7, 2, 3), (std::vector<std::size_t>{1, 2, 6}));
    EXPECT_EQ(krum_selection(squares, 7, 2, 100).size(), 3U);
    EXPECT_EQ(krum_selection({4.0}, 2, 1, 1), (std::vector<std::size_t>{0, 1}));
    EXPECT_EQ(krum_selection({1.0, 1.0, 1.0}, 3, 5, 1), std::vector<std::size_t>{0});  // a tie
}

/// Largest difference from the mean of the honest members' values.
template <typename T>
double harm(const MergeMethod& rule, std::size_t honest, const std::vector<T>& garbage) {
    auto drawn = drawn_runs<T>(honest, garbage.size(), 5);
    std::vector<std::vector<T>> values;
    std::vector<double> mean(garbage.size(), 0.0);
    for (std::size_t k = 0; k < honest; ++k) {
        values.emplace_back();
        for (std::size_t i = 0; i < garbage.size(); ++i) {
            values[k].push_back(drawn.at(k, i) * static_cast<T>(std::ldexp(1.0, 20 - int(i % 40))));
            mean[i] += static_cast<double>(values[k][i]) / static_cast<double>(honest);
        }
    }
    values.insert(values.begin() + 1, garbage);
    const auto out = merged(rule, Runs<T>(values), equal_weights(values.size()),
                            sizeof(T) == 4 ? DType::f32 : DType::f64);
    double worst = 0.0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double difference = std::abs(static_cast<double>(out[i]) - mean[i]);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    return worst;
}

TEST(MergeRules, AllButTheMeanWithstandGarbageOfOneMember) {
    for (const float garbage : {1e6F, -1e30F, 3e38F}) {
        const std::vector<float> values(500, garbage);
        EXPECT_GT(harm<float>(MergeRule::mean, 4, values), 1e5);
        for (const char* rule : {"coordinate-median", "trimmed-mean", "geometric-median", "krum",
                                 "krum:select=2", "centred-clipping"}) {
            EXPECT_LT(harm<float>(method(rule), 4, values), 4.0) << rule << " " << garbage;
            EXPECT_LT(harm<float>(method(rule), 19, values), 6.0) << rule << " " << garbage;
        }
    }
}

TEST(MergeRules, AllButTheMeanSurviveNanAndInfinityOfOneMember) {
    std::vector<float> some(500, 0.5F);
    some[3] = NAN;
    some[77] = INFINITY;
    const std::vector<std::vector<float>> contributions = {
        std::vector<float>(500, NAN), std::vector<float>(500, -NAN),
        std::vector<float>(500, INFINITY), std::vector<float>(500, -INFINITY), some};
    for (const std::vector<float>& values : contributions) {
        EXPECT_EQ(harm<float>(MergeRule::mean, 4, values), INFINITY);
        const std::vector<double> wide(values.begin(), values.end());
        for (const char* rule : {"coordinate-median", "trimmed-mean", "geometric-median", "krum",
                                 "krum:select=2", "centred-clipping"}) {
            EXPECT_LT(harm<float>(method(rule), 4, values), 4.0) << rule << " " << values[0];
            EXPECT_LT(harm<double>(method(rule), 4, wide), 4.0) << rule << " " << values[0];
        }
    }
}

TEST(MergeRules, ValuesWhoseSquaresOverflowAreLeftOutOfDistances) {
    for (const char* rule : {"geometric-median", "krum", "centred-clipping"}) {
        EXPECT_LT(harm<double>(method(rule), 4, std::vector<double>(500, 1e200)), 4.0) << rule;
    }
}

TEST(MergeRules, NanOfMostMembersComesThroughSoThatThePolicyDecides) {
    const Runs<float> runs({{NAN, 1}, {NAN, 2}, {3, 3}});
    for (const MergeRuleRow& row : merge_rules()) {
        const auto out = merged(row.rule, runs, equal_weights(3), DType::f32);
        if (row.rule == MergeRule::coordinate_median || row.rule == MergeRule::mean) {
            EXPECT_TRUE(std::isnan(out[0])) << row.name;
        }
    }
    const auto layout =
        std::make_shared<const ParamLayout>(*ParamLayout::make({{"w", DType::f32, {2}}}));
    for (const MergeRuleRow& row : merge_rules()) {
        MergeWork work{.layout = layout, .method = row.rule};
        for (const std::byte* run : runs.pointers) {
            work.contributions.emplace_back(Bytes(run, run + 8));
            work.weights.push_back(1);
        }
        const MergeResult result = merge_segment(work);
        float first = 0.0F;
        std::memcpy(&first, result.merged.view().data(), sizeof first);
        EXPECT_EQ(first, 3.0F) << row.name;
    }
}

TEST(MergeRules, MakeTheSameBitsInOneThreadAndInTwo) {
    const std::size_t elements = 3 * segment_bytes / sizeof(float) + 17;
    const auto layout = std::make_shared<const ParamLayout>(
        *ParamLayout::make({{"a", DType::f32, {70'001}},
                            {"b", DType::f32, {static_cast<std::int64_t>(elements) - 70'001}}}));
    const auto runs = drawn_runs<float>(7, elements, 3);
    for (const MergeRuleRow& row : merge_rules()) {
        const auto merge = [&](std::uint32_t segment) {
            MergeWork work{.layout = layout, .segment = segment, .method = row.rule};
            const std::size_t size = segment_size(elements * sizeof(float), segment);
            for (const std::byte* run : runs.pointers) {
                const std::byte* const from = run + segment * segment_bytes;
                work.contributions.emplace_back(Bytes(from, from + size));
                work.weights.push_back(1);
            }
            return to_hex(merge_segment(work).merged.view());
        };
        std::vector<std::string> alone;
        for (std::uint32_t segment = 0; segment < 4; ++segment) {
            alone.push_back(merge(segment));
        }
        std::vector<std::string> together(4);
        const auto every_second = [&](std::uint32_t first) {
            for (std::uint32_t segment = first; segment < 4; segment += 2) {
                together[segment] = merge(segment);
            }
        };
        std::thread other([&] { every_second(1); });
        every_second(0);
        other.join();
        EXPECT_EQ(together, alone) << row.name;
    }
}

}  // namespace
}  // namespace starling::test
