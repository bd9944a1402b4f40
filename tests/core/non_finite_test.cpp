// Members whose parameters contain NaN or infinity: the others' model stays finite, and the members
// are named.
#include "core/merge/finite.hpp"
#include "tests/support/memory_swarm.hpp"
#include "tests/support/tampered_node.hpp"

namespace starling::test {
namespace {

using std::chrono::minutes;

/// Replaces the segments of this kind that belong to round 3.
void send_nan(Effect& effect, SegmentKind kind) {
    auto* send = std::get_if<Send>(&effect);
    const auto* data = send == nullptr ? nullptr : std::get_if<SegmentData>(&send->frame.message);
    if (data != nullptr && data->kind == kind && data->key.round == 3) {
        std::vector<float> values(send->frame.body.size() / sizeof(float), std::nanf(""));
        const auto bytes = std::as_bytes(std::span(values));
        send->frame.body = Blob(Bytes(bytes.begin(), bytes.end()));
    }
}

class NonFinite : public testing::Test {
protected:
    ToyOptions toy(std::map<std::uint32_t, float> broken = {}) const {
        // Five segments of 256 KiB, so that there are several segment owners.
        return {.elements = 300'000,
                .min_peers = 2,
                .syncs = 6,
                .non_finite = policy,
                .broken = std::move(broken)};
    }
    /// Three members, of which sl2 sends NaN in its segments of this kind.
    void add_three(SegmentKind kind) {
        swarm.tampered["sl2"] = [kind](std::unique_ptr<Node> node) {
            return std::make_unique<TamperedNode>(
                std::move(node), nullptr, [kind](Effect& effect) { send_nan(effect, kind); });
        };
        for (const int pair : {1, 2, 3}) {
            swarm.add_pair(pair, toy());
        }
    }
    /// "1, sl2 by sl2": round, member and reporter of each line in the SN's trace.
    std::vector<std::string> named() const {
        std::vector<std::string> lines;
        for (const auto& line : swarm.trace.named("member_not_finite", "sn1")) {
            lines.push_back(field(line, "round") + ", " + field(line, "node") + " by " +
                            field(line, "by"));
        }
        return lines;
    }
    /// True if the newest model that the SL has stored is finite.
    bool has_finite_model(int number, std::uint64_t elements = 300'000) const {
        const std::vector<KeptModel>& models = *swarm.sl_stores.at(number)->models;
        const std::vector<TensorSpec> tensors = {
            {"weight", DType::f32, {static_cast<std::int64_t>(elements)}}};
        const ParamLayout layout = *ParamLayout::make(tensors);
        for (std::uint32_t at = 0; at < models.back().segments.size(); ++at) {
            if (holds_non_finite(layout, at, models.back().segments[at])) {
                return false;
            }
        }
        return !models.empty();
    }
    NonFinitePolicy policy = NonFinitePolicy::refuse;
    MemorySwarm swarm{7};
};

TEST_F(NonFinite, AMembersNanIsExcludedFromItsRoundAndTheMemberContinues) {
    swarm.add_pair(1, toy());
    swarm.add_pair(2, toy({{2, std::nanf("")}, {3, INFINITY}}));
    swarm.add_pair(3, toy());
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(named(), (std::vector<std::string>{"2, sl2 by sl2", "3, sl2 by sl2"}));
    for (const int pair : {1, 2, 3}) {
        EXPECT_TRUE(has_finite_model(pair));
    }
    EXPECT_TRUE(swarm.trace.logged("first in tensor 'weight'", "sl2"));
    for (const auto& committed : swarm.trace.named("round_committed")) {
        EXPECT_EQ(field(committed, "members"), "3");  // it took part in every round
    }
}

TEST_F(NonFinite, PolicyWarnMergesItAndNamesTheMember) {
    policy = NonFinitePolicy::warn;
    swarm.add_pair(1, toy());
    swarm.add_pair(2, toy({{2, std::nanf("")}}));
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    ASSERT_FALSE(named().empty());
    EXPECT_EQ(named().front(), "2, sl2 by sl2");
    EXPECT_FALSE(has_finite_model(1));  // therefore not the default
}

TEST_F(NonFinite, PolicyAllowChecksNothing) {
    policy = NonFinitePolicy::allow;
    swarm.add_pair(1, toy());
    swarm.add_pair(2, toy({{2, std::nanf("")}}));
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_TRUE(named().empty());
    EXPECT_FALSE(has_finite_model(1));
}

TEST_F(NonFinite, IfNobodysParametersAreFiniteTheRunEndsAndNamesAll) {
    swarm.add_pair(1, toy({{3, std::nanf("")}}));
    swarm.add_pair(2, toy({{3, INFINITY}}));
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    EXPECT_EQ(swarm.code("ml1"), exit_code::aborted);
    EXPECT_EQ(swarm.code("ml2"), exit_code::aborted);
    EXPECT_TRUE(
        swarm.trace.logged("nobody's parameters can be merged in round 3: those of 'sl1', "
                           "'sl2' contain NaN or infinity",
                           "ml1"));
}

TEST_F(NonFinite, OfTwoMembersTheOneWithNanResumesFromTheOthersModel) {
    for (const int pair : {1, 2}) {
        swarm.add_pair(pair, {.elements = 1'000,
                              .min_peers = 2,
                              .syncs = 3,
                              .broken = pair == 2 ? std::map<std::uint32_t, float>{{2, NAN}}
                                                  : std::map<std::uint32_t, float>{}});
    }
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    EXPECT_EQ(named(), std::vector<std::string>{"2, sl2 by sl2"});
    EXPECT_TRUE(has_finite_model(1, 1'000));
    EXPECT_TRUE(has_finite_model(2, 1'000));
}

TEST_F(NonFinite, AnOwnerThatSendsNanInMergedSegmentsIsNamedAndExcluded) {
    add_three(SegmentKind::merged);
    ASSERT_TRUE(swarm.run_to_round(4, minutes(20))) << swarm.trace.tail();
    EXPECT_EQ(named().front().substr(0, 10), "3, sl2 by ");
    EXPECT_EQ(field(swarm.trace.named("member_excluded", "sn1").front(), "node"), "sl2");
    for (const int pair : {1, 3}) {
        EXPECT_TRUE(has_finite_model(pair));
    }
}

TEST_F(NonFinite, AMemberThatHidesItsNanIsExcludedByTheOwnersAndNamed) {
    add_three(SegmentKind::contribution);
    ASSERT_TRUE(swarm.run()) << swarm.trace.tail();
    swarm.expect_one_final_model();
    ASSERT_EQ(named().size(), 1U);  // two owners report it; the ledger records it once a round
    EXPECT_EQ(named().front().substr(0, 10), "3, sl2 by ");
    EXPECT_NE(named().front(), "3, sl2 by sl2");
    for (const int pair : {1, 2, 3}) {
        EXPECT_TRUE(has_finite_model(pair));
    }
}

}  // namespace
}  // namespace starling::test
